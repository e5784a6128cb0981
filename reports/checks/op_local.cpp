#include "reports/checks/op_local.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "reports/traces/assembled_tensor.hpp"
#include "reports/units/batch.hpp"
#include "reports/units/evidence.hpp"
#include "reports/units/judge_unit.hpp"
#include "reports/values/hashed_tensor.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

namespace {

using reference::Unit;
using reference::UnitPrecision;

// Whether a unit's result is a sum over the TP group (spec-autotp 2.7): the output of a row, the
// input gradient of a column and of what its heads share, the gradient of a replicated parameter
// that is applied to sharded activations.
bool spans_tp(const PartitionPlan& partition, const Unit& unit) {
  using reference::UnitKind;
  const LayerPartition& layer = partition.of(unit.module);
  if (unit.kind == UnitKind::matmul) return layer.style == LayerPartition::Style::row;
  if (unit.kind == UnitKind::matmul_backward_input || unit.kind == UnitKind::sum_heads)
    return layer.style == LayerPartition::Style::column;
  return layer.grad_allreduce && name_in_folder(unit.output).starts_with("gradient/");
}

// The most that one rank holds of a dimension cut so; 0: all hold the same.
std::int64_t widest(const Widths& widths) {
  std::int64_t most = 0;
  for (std::size_t rank = 0; !widths.empty() && rank < widths.front().size(); ++rank) {
    std::int64_t held = 0;
    for (const std::vector<std::int64_t>& block : widths) held += block[rank];
    most = std::max(most, held);
  }
  return most;
}

// What a unit stores, by its function alone. There is no default, so that a new function does not
// compile before somebody has said what its result may be rounded to.
Dtype output_of(const PrecisionPolicy& policy, const Unit& unit) {
  using reference::UnitKind;
  switch (unit.kind) {
    case UnitKind::shift_labels:
    case UnitKind::route_selected:
    case UnitKind::positions: return Dtype::int64;

    case UnitKind::alibi_slopes:
    case UnitKind::attention_lse:
    case UnitKind::cross_entropy:
    case UnitKind::squared_error: return policy.compute;

    case UnitKind::nonfinite: return Dtype::fp32;
    case UnitKind::sum_of_squares: return Dtype::fp64;

    case UnitKind::square_root:
    case UnitKind::clip_factor:
    case UnitKind::multiply:
    case UnitKind::exp_avg:
    case UnitKind::exp_avg_sq:
    case UnitKind::adamw:
    case UnitKind::decay:
    case UnitKind::momentum:
    case UnitKind::nesterov:
    case UnitKind::sgd:
    case UnitKind::torch_exp_avg:
    case UnitKind::torch_exp_avg_sq:
    case UnitKind::torch_adamw:
    case UnitKind::torch_decay: return policy.master;

    case UnitKind::cast:
      return unit.output.find("/optimizer/") != std::string::npos ? policy.master : policy.working;

    case UnitKind::copy:
    case UnitKind::rotary_table_cos:
    case UnitKind::rotary_table_sin:
    case UnitKind::embedding:
    case UnitKind::rms_norm:
    case UnitKind::layer_norm:
    case UnitKind::matmul:
    case UnitKind::add_bias:
    case UnitKind::rotary:
    case UnitKind::attention:
    case UnitKind::swiglu:
    case UnitKind::gelu:
    case UnitKind::relu:
    case UnitKind::product:
    case UnitKind::soft_cap:
    case UnitKind::sigmoid:
    case UnitKind::add:
    case UnitKind::split:
    case UnitKind::join:
    case UnitKind::repeat_heads:
    case UnitKind::sum_heads:
    case UnitKind::route_weights:
    case UnitKind::moe_dispatch:
    case UnitKind::moe_combine:
    case UnitKind::cross_entropy_backward:
    case UnitKind::squared_error_backward:
    case UnitKind::matmul_backward_input:
    case UnitKind::matmul_backward_weight:
    case UnitKind::bias_backward:
    case UnitKind::rms_norm_backward_input:
    case UnitKind::rms_norm_backward_weight:
    case UnitKind::layer_norm_backward_input:
    case UnitKind::layer_norm_backward_weight:
    case UnitKind::rotary_backward:
    case UnitKind::attention_backward_q:
    case UnitKind::attention_backward_k:
    case UnitKind::attention_backward_v:
    case UnitKind::swiglu_backward_gate:
    case UnitKind::swiglu_backward_up:
    case UnitKind::gelu_backward:
    case UnitKind::relu_backward:
    case UnitKind::soft_cap_backward:
    case UnitKind::sigmoid_backward:
    case UnitKind::embedding_backward:
    case UnitKind::route_backward:
    case UnitKind::moe_dispatch_backward:
    case UnitKind::moe_combine_backward_weights:
    case UnitKind::moe_combine_backward_rows:
    case UnitKind::scale:
    case UnitKind::divide:
    case UnitKind::negate:
    case UnitKind::sum:
    case UnitKind::mean: return policy.working;
  }
  return policy.working;
}

// What the policy allows each unit.
UnitPrecision precision_of(const JudgeContext& context, const Unit& unit) {
  using reference::UnitKind;
  const PrecisionPolicy& policy = context.policy;
  UnitPrecision precision;
  precision.output = output_of(policy, unit);
  precision.compute = unit.kind == UnitKind::sum_of_squares ? Dtype::fp64 : policy.compute;
  if (spans_tp(context.scenario.partition, unit)) {
    precision.partials = context.scenario.parallel.tensor_parallel;
    precision.partial_terms = widest(context.scenario.partition.of(unit.module).widths);
    precision.hop = policy.tp_wire;
  }
  const std::string name = name_in_folder(unit.output);
  const bool accumulated = name.starts_with("accumulator/");
  const bool of_a_step = unit.kind == UnitKind::mean || unit.kind == UnitKind::copy;
  if (accumulated || (of_a_step && name.starts_with("gradient/")))
    precision.output = policy.accumulate;
  if (unit.kind == UnitKind::mean) precision.hop = policy.dp_wire;
  return precision;
}

// What is judged of a unit for the ranks that see the same tensors.
struct SeenUnit {
  const Unit* unit;
  int rank;
  UnitPrecision precision;
  AssembledView output;
  std::shared_ptr<JudgedOnce> judged;
};

// A tensor as a unit's key in the memo has it: as an op's, if it lies whole with one rank, else as
// its pieces.
std::string key_of(const AssembledView& view) {
  const DatasetInfo& first = view.copies.front()->info;
  const bool is_one = view.copies.size() == 1 && first.regions.size() == 1 &&
                      first.regions[0] == whole(first.full_shape);
  return is_one ? reports::key_of(HashedTensor{first.dtype, first.full_shape, first.hash})
                : " " + assembly_key(view.copies);
}

class OpLocal {
 public:
  OpLocal(const JudgeContext& context, const RecordedTrace& trace, UnitMemo& memo, Tally& tally,
          TensorTable& table)
      : context_(context),
        trace_(trace),
        memo_(memo),
        tally_(tally),
        table_(table),
        expected_(context, trace) {
    for (const Unit& unit : expected_.units())
      if (unit.rows) rows_[unit.output] = *unit.rows;
  }

  void run() {
    for (const Unit& unit : expected_.units()) {
      begin(unit);
      if (seen_.size() >= most_begun || batch_.is_full()) judge_what_is_known();
    }
    judge_what_is_known();
  }

 private:
  // Units that are begun before what they need is done: enough to keep many threads at work.
  static constexpr std::size_t most_begun = 2048;

  // One rank of each set of ranks that see the same tensors; usually rank 0 alone.
  std::vector<int> views(const Unit& unit) const {
    std::vector<std::pair<int, std::string>> distinct;
    for (int rank = 0; rank < trace_.world(); ++rank) {
      std::string key;
      for (const std::string& input : unit.inputs)
        if (input != reference::zero_input) key += assembly_key(trace_.reader(), input, rank) + " ";
      key += "-> " + assembly_key(trace_.reader(), unit.output, rank);
      if (std::none_of(distinct.begin(), distinct.end(),
                       [&](const auto& view) { return view.second == key; }))
        distinct.emplace_back(rank, key);
    }
    std::vector<int> ranks;
    for (const auto& [rank, key] : distinct) ranks.push_back(rank);
    return ranks;
  }

  AssembledView view_of(const std::string& path, int seen_by) const {
    const auto rows = rows_.find(path);
    return rows == rows_.end() ? assembled_view(trace_.reader(), path, seen_by)
                               : assembled_rows(trace_.reader(), path, rows->second, seen_by);
  }

  void begin(const Unit& unit) {
    for (const int rank : views(unit))
      if (!begin(unit, rank)) return;
  }

  bool begin(const Unit& unit, int rank) {
    SeenUnit seen{&unit, rank, precision_of(context_, unit), view_of(unit.output, rank), nullptr};
    const NonFinite non_finite = expected_.non_finite(moment_of(unit.output));
    std::string key = describe(unit.kind, unit.attributes, seen.precision, non_finite);
    std::vector<AssembledView> inputs;
    std::vector<SharedTensor> arguments;
    std::string problem;
    for (const std::string& input : unit.inputs) {
      if (input == reference::zero_input) {
        arguments.push_back(zero_tensor(Dtype::fp64, unit.shape));
        key += " zeros";
        continue;
      }
      const AssembledView& view = inputs.emplace_back(view_of(input, rank));
      if (problem.empty()) problem = view.problem;
      if (!view.problem.empty()) continue;
      arguments.push_back(view.elements);
      key += key_of(view);
    }
    if (problem.empty()) problem = problem_of(unit, seen.output);
    if (!problem.empty()) {
      // In the order of the units: what was begun before is told first.
      judge_what_is_known();
      tally_.unknown(trace_.execution() + ": " + problem);
      return false;
    }
    key += key_of(seen.output);
    inputs.push_back(seen.output);
    for (const AssembledView& view : inputs) confirm(view);
    std::shared_ptr<JudgedOnce>& judged = memo_.judged(key);
    if (judged == nullptr || judged->is_of_other_bytes()) {
      judged = std::make_shared<JudgedOnce>();
      judged->underway = std::make_shared<UnitJudgement>(judged_unit(unit, seen, arguments));
      batch_.add(judged);
    }
    seen.judged = judged;
    seen_.push_back(std::move(seen));
    return true;
  }

  JudgedUnit judged_unit(const Unit& unit, const SeenUnit& seen,
                         std::vector<SharedTensor> arguments) const {
    return {unit.kind,
            unit.attributes,
            seen.precision,
            std::move(arguments),
            seen.output.elements,
            expected_.non_finite(moment_of(unit.output))};
  }

  static std::string problem_of(const Unit& unit, const AssembledView& output) {
    if (!output.problem.empty()) return output.problem;
    if (output.elements->shape() != unit.shape)
      return unit.output + " has shape " + to_string(output.elements->shape()) + ", expected " +
             to_string(unit.shape);
    return "";
  }

  // Where a program wrote it, the walk over its ops has done it.
  void confirm(const AssembledView& view) {
    for (const StoredDataset* copy : view.copies)
      if (!trace_.reader().is_confirmed(*copy) && confirming_.insert(copy).second)
        batch_.add(std::make_shared<Confirming>(trace_.reader(), *copy));
  }

  void judge_what_is_known() {
    batch_.finish();
    for (const SeenUnit& seen : seen_) finish(seen);
    seen_.clear();
  }

  void finish(const SeenUnit& seen) {
    const Unit& unit = *seen.unit;
    if (seen.judged->error) return refuse(unit, seen.judged->error);
    const UnitVerdict& verdict = seen.judged->verdict;
    if (!verdict.sound)
      return tally_.unknown(trace_.execution() + ": no sound bound for " + unit.output);
    Comparison comparison = verdict.comparison;
    comparison.compared -= seen.output.absent;  // zeros beside zeros
    tally_.add(comparison, verdict.proof);
    if (verdict.comparison.failed > 0)
      report(seen, verdict);
    else
      show(unit, seen.rank, verdict);
  }

  // What was recorded need not be what any op has read: a token may be none.
  void refuse(const Unit& unit, const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const InvariantError& why) {
      tally_.unknown(trace_.execution() + ": " + unit.output + " cannot be judged: " +
                     reference::name_of(unit.kind) + " of what is recorded: " + why.what());
    }
  }

  // What each rank holds is judged op by op, where there are ops; else this is all that there is.
  void show(const Unit& unit, int seen_by, const UnitVerdict& verdict) {
    if (trace_.engine() != nullptr)
      return table_.add_step(place_of(unit, seen_by), verdict.comparison, verdict.proof);
    for (int rank = 0; rank < trace_.world(); ++rank)
      if (trace_.dataset(unit.output, rank) != nullptr)
        table_.add(place_of(unit, rank), verdict.comparison, verdict.proof);
  }

  UnitPlace place_of(const Unit& unit, int rank) const {
    UnitPlace place{.execution = trace_.execution(),
                    .name = name_in_folder(unit.output),
                    .op = {},
                    .rank = rank,
                    .moment = moment_of(unit.output)};
    if (const StoredDataset* stored = trace_.dataset(unit.output, rank)) {
      place.op = stored->info.op;
      place.sequence = stored->info.order;
    }
    return place;
  }

  // Which ranks hold failing elements, and the op that wrote them.
  void report(const SeenUnit& seen, const UnitVerdict& verdict) {
    const Unit& unit = *seen.unit;
    const Comparison& comparison = verdict.comparison;
    const Moment moment = moment_of(unit.output);
    Failure failure = failure_at(trace_, seen.rank, moment);
    FirstDivergence& divergence = failure.divergence;
    divergence.ranks.clear();
    divergence.tensor = unit.output;
    for (const StoredDataset* stored : holders_of_failing(seen)) {
      divergence.ranks.push_back(stored->rank);
      divergence.op = stored->info.op;
    }
    if (divergence.ranks.empty()) divergence.ranks.push_back(seen.rank);
    divergence.rank = divergence.ranks.front();
    if (const StoredDataset* stored = trace_.dataset(unit.output, divergence.rank))
      put_in_order(failure, trace_, *stored);
    for (const int rank : divergence.ranks) {
      UnitPlace place = place_of(unit, rank);
      place.sequence = failure.sequence;
      table_.add(place, comparison, verdict.proof);
    }
    divergence.index = unravel(comparison.first_failed, unit.shape);
    set_numbers(divergence, comparison);
    failure.evidence =
        std::make_shared<Evidence>(Evidence{.unit = judged_unit(unit, seen, arguments_of(seen)),
                                            .first_failed = comparison.first_failed,
                                            .inputs = unit.inputs});
    const std::string sentence = trace_.execution() + ": " + unit.output + " is not what " +
                                 reference::name_of(unit.kind) + " of the recorded inputs may give";
    tally_.fail(std::move(failure), sentence);
  }

  std::vector<SharedTensor> arguments_of(const SeenUnit& seen) const {
    std::vector<SharedTensor> arguments;
    for (const std::string& input : seen.unit->inputs)
      arguments.push_back(input == reference::zero_input
                              ? zero_tensor(Dtype::fp64, seen.unit->shape)
                              : view_of(input, seen.rank).elements);
    return arguments;
  }

  // The ranks' own copies that have failing elements, and are the copies that were judged.
  std::vector<const StoredDataset*> holders_of_failing(const SeenUnit& seen) const {
    std::vector<const StoredDataset*> left, found;
    for (const StoredDataset& stored : trace_.reader().datasets().at(seen.unit->output))
      if (was_judged(stored, seen.output)) left.push_back(&stored);
    const auto again =
        std::make_shared<UnitJudgement>(judged_unit(*seen.unit, seen, arguments_of(seen)));
    run_parts(again);
    again->for_each_failing([&](std::int64_t element) {
      const Shape index = unravel(element, seen.unit->shape);
      const auto holds = [&](const StoredDataset* stored) {
        return std::ranges::any_of(stored->info.regions, [&](const Region& region) {
          return overlap(region, Region{index, Shape(index.size(), 1)});
        });
      };
      std::erase_if(left, [&](const StoredDataset* stored) {
        if (!holds(stored)) return false;
        found.push_back(stored);
        return true;
      });
      return !left.empty();
    });
    std::ranges::sort(found, {}, [](const StoredDataset* stored) { return stored->rank; });
    return found;
  }

  // True if the judged tensor has this rank's bytes where the rank has its elements.
  static bool was_judged(const StoredDataset& stored, const AssembledView& judged) {
    for (const StoredDataset* copy : judged.copies)
      if (copy->info.regions == stored.info.regions) return copy->info.hash == stored.info.hash;
    // Cut otherwise: the bytes tell.
    return hash_of(as_stored(judged.elements, stored.info.regions)) == stored.info.hash;
  }

  const JudgeContext& context_;
  const RecordedTrace& trace_;
  UnitMemo& memo_;
  Tally& tally_;
  TensorTable& table_;
  ExpectedOfTrace expected_;
  std::map<std::string, reference::RoutedRows> rows_;  // of tensors of which not all rows are there
  Batch batch_;
  std::vector<SeenUnit> seen_;
  std::set<const StoredDataset*> confirming_;
};

}  // namespace

Tally check_op_local(const JudgeContext& context, UnitMemo& memo, TensorTable& table) {
  Tally tally("op_local", Proof::bitwise);
  for (const RecordedTrace* trace : context.traces)
    OpLocal(context, *trace, memo, tally, table).run();
  return tally;
}

Tally check_op_local(const JudgeContext& context, TensorTable& table) {
  UnitMemo memo;
  return check_op_local(context, memo, table);
}

}  // namespace shardproof::reports
