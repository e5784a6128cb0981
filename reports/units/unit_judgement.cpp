#include "reports/units/unit_judgement.hpp"

#include <algorithm>
#include <cmath>

#include "reports/compare/common_factor.hpp"
#include "reports/units/judge_unit.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/suspects.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reports {

namespace {

using reference::Operand;
using reference::Tile;
using reference::UnitKind;
using reference::UnitResult;

// Numbers that a tile works on: what it computes of them stays in a processor's cache.
constexpr std::int64_t tile_elements = 1 << 14;
// From which the power of a unit is estimated: of all tiles, and at least of each.
constexpr std::size_t sampled_elements = 32, least_sampled = 2;

// What is summed over a leading axis is a matrix with a row for each term.
JudgedUnit as_matrix(JudgedUnit unit) {
  if (unit.kind != UnitKind::sum && unit.kind != UnitKind::mean) return unit;
  const Shape& stack = unit.arguments.at(0)->shape();
  SHARDPROOF_EXPECTS(!stack.empty() && stack[0] > 0, to_string(stack));
  const std::int64_t terms = stack[0], elements = unit.arguments[0]->elements() / terms;
  unit.arguments[0] = reshaped(unit.arguments[0], {terms, elements});
  SHARDPROOF_EXPECTS(unit.result->elements() == elements, elements);
  unit.result = reshaped(unit.result, {elements});
  return unit;
}

// The rows that the tokens name are copied: of a large table, only those are read.
JudgedUnit as_copy(JudgedUnit unit) {
  const SharedTensor table = unit.arguments.at(0), tokens = unit.arguments.at(1);
  const Box rows = reference::matrix_of(table->shape());
  const std::vector<double> token = decoded_range(*tokens, 0, tokens->elements());
  const bool named = std::ranges::all_of(
      token, [&](double t) { return t >= 0 && t < static_cast<double>(rows.rows); });
  if (!named) return unit;  // its function will say so
  auto chosen =
      std::make_shared<TensorView>(table->dtype(), Shape{tokens->elements(), rows.columns});
  const SharedSource source = bytes_of(table);
  for (std::int64_t i = 0; i < tokens->elements(); ++i) {
    const Run run{i * rows.columns, rows.columns};
    const auto row = static_cast<std::size_t>(token[static_cast<std::size_t>(i)]);
    chosen->add(std::span(&run, 1), source,
                row * static_cast<std::size_t>(rows.columns) * size_bytes(table->dtype()));
  }
  unit.kind = UnitKind::copy;
  unit.arguments = {chosen};
  return unit;
}

JudgedUnit prepared(JudgedUnit unit) {
  if (unit.kind == UnitKind::embedding && unit.arguments.at(0)->shape().size() == 2)
    return as_copy(std::move(unit));
  return as_matrix(std::move(unit));
}

// Which argument of an update it is.
std::optional<std::size_t> learning_rate_of(UnitKind kind) {
  if (kind == UnitKind::adamw || kind == UnitKind::torch_adamw) return 3;
  if (kind == UnitKind::sgd) return 2;
  return std::nullopt;
}

bool is_zero(const TensorView& tensor) {
  bool zero = true;
  for_each_decoded(tensor, [&](Numbers some) {
    zero = zero && std::ranges::all_of(some, [](double x) { return x == 0; });
  });
  return zero;
}

bool is_not_finite(double x) { return !std::isfinite(x); }

}  // namespace

UnitJudgement::UnitJudgement(JudgedUnit unit) : unit_(prepared(std::move(unit))) {
  if (reference::is_reduction(unit_.kind)) {
    cut_reduction();
    return;
  }
  reference::UnitShapes shapes{unit_.kind, unit_.attributes, {}, unit_.result->shape()};
  for (const SharedTensor& argument : unit_.arguments)
    shapes.arguments.push_back(argument->shape());
  std::vector<Tile> tiles = reference::tiles_of(shapes, tile_elements);
  const std::size_t some = std::max(least_sampled, sampled_elements / tiles.size());
  for (Tile& tile : tiles)
    tiles_.push_back({std::move(tile), {}, PowerSample(some), {}, {}, nullptr});
}

// Each part is of one argument; the others are not there.
void UnitJudgement::cut_reduction() {
  for (std::size_t i = 0; i < unit_.arguments.size(); ++i) {
    const std::int64_t count = unit_.arguments[i]->elements(), at_once = 4 * tile_elements;
    unit_.arguments[i] = reshaped(unit_.arguments[i], {count});
    for (std::int64_t first = 0; first == 0 || first < count; first += at_once) {
      const std::int64_t some = std::min(at_once, count - first);
      Tile tile{{0, 1, 0, 1}, std::vector<Tile::Argument>(i), unit_.attributes};
      tile.arguments.push_back({{0, 1, first, some}, {some}});
      tiles_.push_back({std::move(tile), {}, PowerSample(0), {}, {}, nullptr});
    }
  }
}

UnitResult UnitJudgement::replayed(const Tile& tile) const {
  static thread_local std::vector<std::vector<double>> values;
  const std::size_t count = tile.arguments.size();
  const std::size_t first = reference::is_reduction(unit_.kind) ? count - 1 : 0;
  if (values.size() < count) values.resize(count);
  std::vector<Operand> operands;
  for (std::size_t i = first; i < count; ++i) {
    const Tile::Argument& argument = tile.arguments[i];
    unit_.arguments[i]->decode(argument.box, values[i]);
    operands.push_back({argument.shape, values[i]});
  }
  return reference::replay(unit_.kind, tile.attributes, unit_.precision, operands);
}

UnitJudgement::Evaluated UnitJudgement::evaluated(const Tile& tile) const {
  Evaluated found{replayed(tile), {}};
  // What one tile of a unit does not see may have reached it all the same.
  if (unit_.non_finite == NonFinite::accepted) found.unit.finite_arguments = arguments_are_finite();
  unit_.result->decode(tile.result, found.recorded);
  return found;
}

bool UnitJudgement::arguments_are_finite() const {
  std::call_once(looked_, [this] {
    for (const SharedTensor& argument : unit_.arguments)
      for_each_decoded(*argument, [this](std::span<const double> some) {
        finite_ = finite_ && std::ranges::none_of(some, is_not_finite);
      });
  });
  return finite_;
}

void UnitJudgement::run(std::size_t part) {
  TileState& state = tiles_[part];
  Pulse::of_this_process().beat();
  try {
    if (reference::is_reduction(unit_.kind)) {
      state.partial = replayed(state.tile);
      return;
    }
    const Evaluated found = evaluated(state.tile);
    state.verdict =
        judge_result(found.unit, unit_.precision.output, found.recorded, unit_.non_finite);
    if (!state.verdict.sound) return;
    if (unit_.precision.output != Dtype::int64)
      state.sample.look_at(unit_.precision.output, found.unit);
    if (is_scrutinised(unit_))
      state.residual = largest_residual(unit_.precision.output, found.unit.value, found.unit.bound,
                                        found.recorded);
  } catch (const InvariantError&) {
    state.error = std::current_exception();
  }
}

std::int64_t UnitJudgement::index_of(const Tile& tile, std::int64_t element) const {
  const std::int64_t width = reference::matrix_of(unit_.result->shape()).columns;
  return (tile.result.first_row + element / tile.result.columns) * width +
         tile.result.first_column + element % tile.result.columns;
}

UnitJudgement::Evaluated UnitJudgement::evaluated_reduction(
    const std::vector<UnitResult>& partial) const {
  std::int64_t elements = 0;
  for (const TileState& state : tiles_) elements += state.tile.arguments.back().box.elements();
  Evaluated found{reference::combine(unit_.kind, partial, elements), {}};
  unit_.result->decode(reference::matrix_of(unit_.result->shape()), found.recorded);
  return found;
}

UnitVerdict UnitJudgement::verdict_of_reduction() const {
  std::vector<UnitResult> partial;
  for (const TileState& state : tiles_) partial.push_back(state.partial);
  const Evaluated found = evaluated_reduction(partial);
  return judge_result(found.unit, unit_.precision.output, found.recorded, unit_.non_finite);
}

UnitJudgement::Evaluated UnitJudgement::evaluated(std::size_t tile) const {
  if (!reference::is_reduction(unit_.kind)) return evaluated(tiles_.at(tile).tile);
  std::vector<UnitResult> partial;
  for (const TileState& state : tiles_) partial.push_back(replayed(state.tile));
  return evaluated_reduction(partial);
}

std::int64_t UnitJudgement::index_of(std::size_t tile, std::int64_t i) const {
  return reference::is_reduction(unit_.kind) ? i : index_of(tiles_.at(tile).tile, i);
}

std::size_t UnitJudgement::tile_of(std::int64_t element) const {
  if (reference::is_reduction(unit_.kind)) return 0;
  const std::int64_t width = reference::matrix_of(unit_.result->shape()).columns;
  const std::int64_t row = element / width, column = element % width;
  const auto found = std::ranges::find_if(tiles_, [&](const TileState& state) {
    const reference::Box& box = state.tile.result;
    return box.first_row <= row && row < box.first_row + box.rows && box.first_column <= column &&
           column < box.first_column + box.columns;
  });
  SHARDPROOF_EXPECTS(found != tiles_.end(), element);
  return static_cast<std::size_t>(found - tiles_.begin());
}

UnitVerdict UnitJudgement::verdict() const {
  for (const TileState& state : tiles_)
    if (state.error) std::rethrow_exception(state.error);
  if (reference::is_reduction(unit_.kind)) return verdict_of_reduction();
  UnitVerdict all;
  for (const TileState& state : tiles_) {
    all.sound = all.sound && state.verdict.sound;
    if (state.verdict.proof == Proof::sound) all.proof = Proof::sound;
    Comparison of_tile = state.verdict.comparison;
    if (of_tile.first_failed >= 0)
      of_tile.first_failed = index_of(state.tile, of_tile.first_failed);
    all.comparison.add(of_tile);
  }
  Comparison& sum = all.comparison;
  if (tiles_.size() == 1) sum.factor = tiles_.front().verdict.comparison.factor;
  if (all.sound && sum.failed > 0 && tiles_.size() > 1) sum.factor = common_factor_of(sum.failed);
  if (all.sound && is_scrutinised(unit_)) all.scrutiny = scrutiny(sum.compared);
  if (all.sound && unit_.precision.output != Dtype::int64) add_power(all);
  return all;
}

// One element stands for all: of a fault that many elements have, the largest residual is beyond
// doubt long before the bound is.
Scrutiny UnitJudgement::scrutiny(std::int64_t elements) const {
  Residual largest;
  for (const TileState& state : tiles_) {
    Residual of_tile = state.residual;
    if (of_tile.element >= 0) of_tile.element = index_of(state.tile, of_tile.element);
    largest.add(of_tile);
  }
  Suspicion suspicion = suspicion_of(unit_, largest.element < 0 ? elements / 2 : largest.element);
  if (!(suspicion.z > suspicious)) return {elements, suspicion.z, suspicion.part};
  suspicion.signature = signature();
  return {elements, suspicion.z, suspicion.part, suspicion};
}

void UnitJudgement::add_power(UnitVerdict& verdict) const {
  PowerSample sample;
  for (const TileState& state : tiles_) sample.add(state.sample);
  verdict.power = sample.power();
  verdict.vacuous = vacuous(sample);
  if (verdict.power && is_scrutinised(unit_))
    verdict.power->scale_by_suspects = sample.visible_scale(verdict.scrutiny.part);
}

const char* UnitJudgement::vacuous(const PowerSample& sample) const {
  if (unit_.kind == UnitKind::add_bias && is_zero(*unit_.arguments[1]))
    return "the bias is zero: nobody would see that it is left out";
  if (unit_.kind == UnitKind::clip_factor && decoded_range(*unit_.result, 0, 1).front() == 1)
    return "the clip did not act: nobody would see that it is left out";
  if (const auto rate = learning_rate_of(unit_.kind);
      rate && decoded_range(*unit_.arguments[*rate], 0, 1).front() == 0)
    return "the learning rate is zero: nobody would see another update";
  // Of some elements it may look so.
  if (!sample.power() && is_zero(*unit_.result)) return "all is zero: nobody would see a factor";
  return nullptr;
}

Signature UnitJudgement::signature() const {
  SignatureFit fit(unit_.precision.output);
  for (const TileState& state : tiles_) {
    const Evaluated found = evaluated(state.tile);
    fit.look_at(found.unit.value, found.recorded);
  }
  return fit.best();
}

// What all have too much cannot be told tile by tile.
std::optional<double> UnitJudgement::common_factor_of(std::int64_t failed) const {
  FactorSearch search(unit_.precision.output, failed);
  for (const TileState& state : tiles_) {
    const Evaluated found = evaluated(state.tile);
    search.look_at(found.unit.value, found.recorded);
  }
  if (!search.candidate()) return std::nullopt;
  for (const TileState& state : tiles_) {
    const Evaluated found = evaluated(state.tile);
    if (!search.explains(found.unit.value, room_of(found.unit), found.recorded))
      return std::nullopt;
  }
  return search.candidate();
}

void UnitJudgement::for_each_failing(const std::function<bool(std::int64_t)>& visit) const {
  if (reference::is_reduction(unit_.kind)) {
    if (verdict_of_reduction().comparison.failed > 0) visit(0);
    return;
  }
  for (const TileState& state : tiles_) {
    if (state.verdict.comparison.failed == 0) continue;
    const Evaluated found = evaluated(state.tile);
    for (std::size_t i = 0; i < found.recorded.size(); ++i)
      if (!passes(unit_.precision.output, found.unit, i, found.recorded[i], unit_.non_finite) &&
          !visit(index_of(state.tile, static_cast<std::int64_t>(i))))
        return;
  }
}

}  // namespace shardproof::reports
