#include "reports/cause/terms.hpp"

#include <algorithm>
#include <cmath>

#include "reports/cause/factors.hpp"
#include "reports/cause/replays.hpp"
#include "reports/values/ranges.hpp"
#include "scenarios/listed.hpp"

namespace shardproof::reports {

namespace {

struct Terms {
  std::vector<SharedTensor> of;  // as many elements as the result, in the order of `result`
  std::vector<int> ranks;        // whose they are
  SharedTensor result;
  Dtype output = Dtype::fp64, wire = Dtype::fp64;
  bool in_places = false;  // in the order of the unit's result; else as they are stored
};

// What the walk held when it added them.
std::optional<Terms> terms_of_evidence(const Suspect& suspect) {
  const Evidence* evidence = suspect.evidence.get();
  if (evidence == nullptr || evidence->terms.empty() || suspect.began == nullptr ||
      !suspect.began->op->group)
    return std::nullopt;
  Terms terms{.of = evidence->terms,
              .ranks = {},
              .result = evidence->unit.result,
              .output = evidence->unit.precision.output,
              .wire = evidence->wire,
              .in_places = true};
  for (const Rank rank :
       suspect.trace.grid().group(Rank{suspect.divergence.rank}, *suspect.began->op->group))
    terms.ranks.push_back(rank.value);
  if (terms.ranks.size() != terms.of.size()) return std::nullopt;
  return terms;
}

// What each rank recorded of the value that the op added up.
std::optional<Terms> terms_recorded(const Suspect& suspect) {
  const ExecutedOp* began = suspect.began;
  if (suspect.dataset == nullptr || began == nullptr || began->reads.empty() ||
      began->op->name.find("all_reduce") == std::string::npos)
    return std::nullopt;
  const DatasetInfo& info = suspect.dataset->info;
  const auto& datasets = suspect.trace.reader().datasets();
  const auto found = datasets.find(suspect.path_of(*began->reads[0]));
  if (found == datasets.end()) return std::nullopt;
  Terms terms;
  terms.result = stored_tensor(suspect.trace.reader(), *suspect.dataset);
  terms.output = info.dtype;
  terms.wire = suspect.context.policy.wire(OpKind::all_reduce, Axis::tp, info.dtype);
  for (const StoredDataset& dataset : found->second) {
    if (element_count(dataset.info.regions) != terms.result->elements() ||
        dataset.info.dtype != info.dtype)
      continue;
    terms.of.push_back(stored_tensor(suspect.trace.reader(), dataset));
    terms.ranks.push_back(dataset.rank);
  }
  return terms;
}

// Asks what the sum of some ranks' terms may be, one of them perhaps several times.
class SumOfRanks {
 public:
  explicit SumOfRanks(Terms terms) : terms_(std::move(terms)) {}

  bool has(const std::vector<int>& ranks) const {
    return std::ranges::all_of(ranks, [&](int rank) { return place(rank) < terms_.ranks.size(); });
  }
  const Terms& terms() const { return terms_; }
  const SharedTensor& of(int rank) const { return terms_.of[place(rank)]; }
  bool gives_the_result(const std::vector<int>& ranks) const {
    if (ranks.empty() || !has(ranks)) return false;
    auto stack = std::make_shared<TensorView>(terms_.of[0]->dtype(),
                                              Shape{std::ssize(ranks), terms_.result->elements()});
    for (std::size_t row = 0; row < ranks.size(); ++row) {
      const Run run{static_cast<std::int64_t>(row) * terms_.result->elements(),
                    terms_.result->elements()};
      stack->add(std::span(&run, 1), bytes_of(terms_.of[place(ranks[row])]));
    }
    const SharedTensor result = reshaped(terms_.result, {terms_.result->elements()});
    const JudgedUnit sum{reference::UnitKind::sum,
                         {},
                         {.output = terms_.output, .hop = terms_.wire},
                         {stack},
                         result};
    const Probe probe(sum, 0, [](std::int64_t place) { return place; });
    return probe.numbers().wrong_count == 0;
  }

 private:
  std::size_t place(int rank) const {
    return static_cast<std::size_t>(std::ranges::find(terms_.ranks, rank) - terms_.ranks.begin());
  }
  Terms terms_;
};

std::vector<int> ranks_of(const std::vector<Rank>& group) {
  std::vector<int> ranks;
  for (const Rank rank : group) ranks.push_back(rank.value);
  return ranks;
}

// Over which axis the op's operand is a sum that is still due.
std::optional<Axis> axis_due(const Suspect& suspect) {
  const Program& program = suspect.trace.engine()->program(suspect.divergence.rank);
  const Placement& placement = program.value(suspect.began->reads[0]->value).placement;
  for (const Axis axis : {Axis::tp, Axis::dp})
    if (placement.on(axis).kind == AxisPlacement::Kind::partial) return axis;
  return std::nullopt;
}

// Whether a rank has no part of what is added: its shard is empty.
bool has_no_part(const Suspect& suspect, int rank) {
  const EngineTrace& trace = *suspect.trace.engine();
  const Program& program = trace.program(rank);
  ValueId value = suspect.began->op->inputs[0];
  const std::vector<ExecutedOp>& log = trace.executed(rank);
  for (auto at = log.rbegin(); at != log.rend(); ++at) {
    const ExecutedOp& executed = *at;
    if (executed.moment != suspect.began->moment ||
        std::ranges::find(executed.op->outputs, value) == executed.op->outputs.end() ||
        executed.op->inputs.empty() || is_collective(executed.op->kind))
      continue;
    for (const ValueId input : executed.op->inputs)
      if (element_count(local_shape(program, program.value(input), Rank{rank})) == 0) return true;
    value = executed.op->inputs[0];
  }
  return false;
}

// The op added what it was given: one rank has given too much of it, or nothing. That shows where
// the sum would be right with another amount.
std::optional<Cause> wrong_part(const Suspect& suspect, const SumOfRanks& sum,
                                const std::vector<int>& group) {
  const Probed& numbers = suspect.probe->numbers();
  const auto& places = sum.terms().in_places ? numbers.places : numbers.stored;
  std::vector<std::vector<double>> parts;
  for (const int rank : group) parts.push_back(decoded_at(*sum.of(rank), places));
  const auto is_right_with = [&](std::size_t part, double share) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      double total = 0, size = 0;
      for (std::size_t each = 0; each < parts.size(); ++each) {
        const double term = parts[each][i] * (each == part ? share : 1);
        total += term;
        size += std::fabs(term);
      }
      const double room = (numbers.is_bitwise() ? 0 : numbers.room[i]) +
                          static_cast<double>(parts.size()) * ulp(numbers.storage, size);
      if (!(std::fabs(total - numbers.value[i]) <= room)) return false;
    }
    return true;
  };
  for (std::size_t part = 0; part < parts.size(); ++part) {
    const std::string whose = "rank " + std::to_string(group[part]) + "'s part";
    if (std::ranges::all_of(parts[part], [](double value) { return value == 0; })) {
      if (numbers.are_all && !has_no_part(suspect, group[part]))
        return Cause{"part missing", static_cast<double>(group[part]), 1.0,
                     whose + " is missing from the sum: it is zero"};
      continue;
    }
    if (is_right_with(part, 0.5))
      return Cause{"part twice", static_cast<double>(group[part]), 1.0,
                   whose + " is in the sum twice"};
    for (const NamedFactor& factor : named_factors(suspect))
      if (is_right_with(part, 1 / factor.value))
        return Cause{"factor of a part", factor.value, 1.0,
                     whose + " went in times " + names_of(named_factors(suspect), factor.value)};
  }
  return std::nullopt;
}

// Each rank's part once, but for one that is left out or there twice; or another group's.
std::optional<Cause> sum_of_other_ranks(const Suspect& suspect, const SumOfRanks& sum) {
  const ProcessGrid grid = suspect.trace.grid();
  const Rank rank{suspect.divergence.rank};
  const auto due = axis_due(suspect);
  if (!due) return std::nullopt;
  const std::vector<int> group = ranks_of(grid.group(rank, *due));
  if (!sum.has(group)) return std::nullopt;
  if (sum.gives_the_result(group)) return wrong_part(suspect, sum, group);
  for (const int one : group) {
    std::vector<int> ranks = group;
    std::erase(ranks, one);
    if (sum.gives_the_result(ranks))
      return Cause{"part missing", static_cast<double>(one), 1.0,
                   "rank " + std::to_string(one) + "'s part is missing from the sum",
                   ranks.size() <= 2};
  }
  for (const int one : group) {
    std::vector<int> ranks = group;
    ranks.push_back(one);
    if (sum.gives_the_result(ranks))
      return Cause{"part twice", static_cast<double>(one), 1.0,
                   "rank " + std::to_string(one) + "'s part is in the sum twice"};
  }
  const Axis across = *due == Axis::tp ? Axis::dp : Axis::tp;
  const std::vector<int> others = ranks_of(grid.group(rank, across));
  if (others.size() > 1 && sum.gives_the_result(others))
    return Cause{"summed over " + std::string(name_of(across)), std::nullopt, 1.0,
                 "it is the sum over ranks " + listed(others, "and") + " (" + name_of(across) +
                     "), and should be over " + listed(group, "and"),
                 others.size() == 2};
  std::vector<int> all;
  for (int each = 0; each < grid.world(); ++each) all.push_back(each);
  if (all != group && sum.gives_the_result(all))
    return Cause{"summed over all ranks", std::nullopt, 1.0,
                 "it is the sum over all ranks, and should be over " + listed(group, "and")};
  return std::nullopt;
}

// Of a sum or a mean of what replicas recorded: one row is missing, or there twice.
std::optional<Cause> other_rows(const Suspect& suspect) {
  const Probe& probe = *suspect.probe;
  const JudgedUnit& unit = probe.unit();
  if (!suspect.can_be_asked() ||
      (unit.kind != reference::UnitKind::sum && unit.kind != reference::UnitKind::mean))
    return std::nullopt;
  const SharedTensor& stack = unit.arguments.at(0);
  const std::int64_t rows = stack->shape().at(0), width = stack->elements() / rows;
  constexpr std::int64_t most_rows = 64;
  for (const double count : {0.0, 2.0})
    for (std::int64_t row = 0; row < std::min(rows, most_rows); ++row) {
      auto other = std::make_shared<TensorView>(Dtype::fp64, stack->shape());
      for (std::int64_t each = 0; each < rows; ++each) {
        const Run run{each * width, width};
        other->add(std::span(&run, 1),
                   bytes_of(times(part_of(stack, each * width, {width}), each == row ? count : 1)));
      }
      if (probe.is_explained_by(with_argument(unit, 0, other)))
        return Cause{count == 0 ? "part missing" : "part twice", static_cast<double>(row), 1.0,
                     "replica " + std::to_string(row) + "'s part is " +
                         (count == 0 ? "missing from the sum" : "in the sum twice")};
    }
  return std::nullopt;
}

}  // namespace

std::optional<Cause> other_terms(const Suspect& suspect) {
  if (!suspect.probe || suspect.probe->numbers().storage == Dtype::int64) return std::nullopt;
  const Probed& numbers = suspect.probe->numbers();
  if (!numbers.has_bits(numbers.wrong_count, 2 * bits_beyond_chance)) return std::nullopt;
  if (auto cause = other_rows(suspect)) return cause;
  for (auto& terms : {terms_of_evidence(suspect), terms_recorded(suspect)})
    if (terms && terms->of.size() > 1 && suspect.trace.engine() != nullptr)
      if (auto cause = sum_of_other_ranks(suspect, SumOfRanks(*terms))) return cause;
  return std::nullopt;
}

}  // namespace shardproof::reports
