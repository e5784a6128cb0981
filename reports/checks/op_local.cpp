#include "reports/checks/op_local.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "reports/traces/assembled_tensor.hpp"
#include "reports/units/judge_unit.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "scenarios/trace/tensor_hash.hpp"

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
    case UnitKind::cross_entropy: return policy.compute;

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

// Assembled tensors, kept until the last unit that needs them.
class TensorCache {
 public:
  TensorCache(const TraceReader& reader, const std::vector<Unit>& units) : reader_(reader) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      for (const std::string& input : units[i].inputs) last_use_[input] = i;
      last_use_[units[i].output] = std::max(last_use_[units[i].output], i);
      if (units[i].rows) rows_[units[i].output] = *units[i].rows;
    }
  }

  const AssembledTensor& get(const std::string& path, int seen_by) {
    auto& slot = tensors_[path][assembly_key(reader_, path, seen_by)];
    if (slot == nullptr) {
      const auto rows = rows_.find(path);
      slot = std::make_unique<AssembledTensor>(
          rows == rows_.end() ? assemble(reader_, path, seen_by)
                              : assemble_rows(reader_, path, rows->second, seen_by));
    }
    return *slot;
  }

  void forget(const Unit& unit, std::size_t i) {
    for (const std::string& input : unit.inputs)
      if (last_use_.at(input) <= i) tensors_.erase(input);
    if (last_use_.at(unit.output) <= i) tensors_.erase(unit.output);
  }

 private:
  const TraceReader& reader_;
  std::map<std::string, std::size_t> last_use_;
  std::map<std::string, reference::RoutedRows> rows_;  // of tensors of which not all rows are there
  std::map<std::string, std::map<std::string, std::unique_ptr<AssembledTensor>>> tensors_;
};

class OpLocal {
 public:
  OpLocal(const JudgeContext& context, const RecordedTrace& trace, UnitMemo& memo, Tally& tally,
          TensorTable& table)
      : context_(context),
        trace_(trace),
        memo_(memo),
        tally_(tally),
        table_(table),
        expected_(context, trace),
        cache_(trace.reader(), expected_.units()) {}

  void run() {
    const std::vector<Unit>& units = expected_.units();
    for (std::size_t i = 0; i < units.size(); ++i) {
      judge(units[i]);
      cache_.forget(units[i], i);
    }
  }

 private:
  // One rank of each set of ranks that see the same tensors; usually rank 0 alone.
  std::vector<std::pair<int, std::string>> views(const Unit& unit) const {
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
    return distinct;
  }

  void judge(const Unit& unit) {
    for (const auto& [rank, key] : views(unit)) {
      const std::string missing = first_problem(unit, rank);
      if (!missing.empty()) {
        tally_.unknown(trace_.execution() + ": " + missing);
        return;
      }
      const UnitPrecision precision = precision_of(context_, unit);
      const int seen_by = rank;
      const NonFinite non_finite = expected_.non_finite(moment_of(unit.output));
      const UnitVerdict verdict = memo_.find_or(
          "reference " + describe(unit.kind, unit.attributes, precision, non_finite) + key, [&] {
            return judge_unit(unit.kind, unit.attributes, precision, arguments_of(unit, seen_by),
                              cache_.get(unit.output, seen_by).values, non_finite);
          });
      if (!verdict.sound) {
        tally_.unknown(trace_.execution() + ": no sound bound for " + unit.output);
        continue;
      }
      Comparison comparison = verdict.comparison;
      comparison.compared -= cache_.get(unit.output, rank).absent;  // zeros beside zeros
      tally_.add(comparison, verdict.proof);
      if (verdict.comparison.failed > 0)
        report(unit, precision, rank, verdict);
      else
        show(unit, rank, verdict);
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

  std::string first_problem(const Unit& unit, int rank) {
    for (const std::string& input : unit.inputs)
      if (input != reference::zero_input && !cache_.get(input, rank).problem.empty())
        return cache_.get(input, rank).problem;
    const AssembledTensor& output = cache_.get(unit.output, rank);
    if (!output.problem.empty()) return output.problem;
    if (output.shape != unit.shape)
      return unit.output + " has shape " + to_string(output.shape) + ", expected " +
             to_string(unit.shape);
    return "";
  }

  std::vector<reference::Operand> arguments_of(const Unit& unit, int seen_by) {
    std::vector<reference::Operand> arguments;
    for (const std::string& input : unit.inputs) {
      if (input == reference::zero_input) {
        zeros_.assign(static_cast<std::size_t>(element_count(unit.shape)), 0.0);
        arguments.push_back({unit.shape, zeros_});
      } else {
        const AssembledTensor& tensor = cache_.get(input, seen_by);
        arguments.push_back({tensor.shape, tensor.values});
      }
    }
    return arguments;
  }

  // Which ranks hold failing elements, and the op that wrote them.
  void report(const Unit& unit, const UnitPrecision& precision, int seen_by,
              const UnitVerdict& verdict) {
    const Comparison& comparison = verdict.comparison;
    const AssembledTensor& output = cache_.get(unit.output, seen_by);
    const auto arguments = arguments_of(unit, seen_by);
    const std::vector<bool> failing = failing_elements(
        precision.output, reference::replay(unit.kind, unit.attributes, precision, arguments),
        output.values, expected_.non_finite(moment_of(unit.output)));

    const Moment moment = moment_of(unit.output);
    Failure failure = failure_at(trace_, seen_by, moment);
    FirstDivergence& divergence = failure.divergence;
    divergence.ranks.clear();
    divergence.tensor = unit.output;
    for (const StoredDataset& stored : trace_.reader().datasets().at(unit.output)) {
      if (!holds_failure(stored, output, failing)) continue;
      divergence.ranks.push_back(stored.rank);
      divergence.op = stored.info.op;
    }
    if (divergence.ranks.empty()) divergence.ranks.push_back(seen_by);
    divergence.rank = divergence.ranks.front();
    if (const StoredDataset* stored = trace_.dataset(unit.output, divergence.rank))
      put_in_order(failure, trace_, *stored);
    for (const int rank : divergence.ranks) {
      UnitPlace place = place_of(unit, rank);
      place.sequence = failure.sequence;
      table_.add(place, comparison, verdict.proof);
    }
    divergence.index = unravel(comparison.first_failed, output.shape);
    set_numbers(divergence, comparison);
    const std::string sentence = trace_.execution() + ": " + unit.output + " is not what " +
                                 reference::name_of(unit.kind) + " of the recorded inputs may give";
    tally_.fail(std::move(failure), sentence);
  }

  // True if this rank's own copy has failing elements, and is the copy that was judged.
  bool holds_failure(const StoredDataset& stored, const AssembledTensor& output,
                     const std::vector<bool>& failing) const {
    const std::size_t size = size_bytes(output.dtype);
    std::vector<std::byte> judged(static_cast<std::size_t>(element_count(stored.info.regions)) *
                                  size);
    extract(output.bytes, output.shape, stored.info.regions, size, judged);
    if (tensor_hash(judged) != stored.info.hash) return false;
    const std::int64_t count = element_count(stored.info.regions);
    for (std::int64_t i = 0; i < count; ++i)
      if (failing[static_cast<std::size_t>(
              ravel(index_in_full(stored.info.regions, i), output.shape))])
        return true;
    return false;
  }

  const JudgeContext& context_;
  const RecordedTrace& trace_;
  UnitMemo& memo_;
  Tally& tally_;
  TensorTable& table_;
  ExpectedOfTrace expected_;
  TensorCache cache_;
  std::vector<double> zeros_;
};

}  // namespace

Tally check_op_local(const JudgeContext& context, TensorTable& table) {
  UnitMemo memo;  // what sim and real have in common is judged once
  Tally tally("op_local", Proof::bitwise);
  for (const RecordedTrace* trace : context.traces)
    OpLocal(context, *trace, memo, tally, table).run();
  return tally;
}

}  // namespace shardproof::reports
