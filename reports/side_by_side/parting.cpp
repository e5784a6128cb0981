#include "reports/side_by_side/parting.hpp"

#include <algorithm>

#include "scenarios/plan/program_json.hpp"

namespace shardproof::reports {

namespace {

// The op that wrote a tensor, as its trace tells it.
std::optional<Op> find_op(const TraceReader& trace, const std::string& name) {
  if (trace.header().program_json.empty() || name.empty()) return std::nullopt;
  const Program program = program_from_json(parse_json(trace.header().program_json, "/program"));
  for (const Segment& segment : program.segments)
    for (const Op& op : segment.ops)
      if (full_name(op) == name && op.kind != OpKind::wait) return op;
  return std::nullopt;
}

std::string both(const std::string& a, const std::string& b) { return a + " and " + b; }
std::string both(int a, int b) { return both(std::to_string(a), std::to_string(b)); }

int ranks_of(const Scenario& scenario, Axis axis) {
  return axis == Axis::tp ? scenario.parallel.tensor_parallel : scenario.data_parallel();
}

// A collective of one of the two sums over an axis that the other has other ranks of.
std::string unlike_sum(const std::optional<Op>& op, const Scenario& a, const Scenario& b) {
  if (!op || !op->group || !is_collective(op->kind)) return "";
  const int in_a = ranks_of(a, *op->group), in_b = ranks_of(b, *op->group);
  if (in_a != in_b)
    return std::string("another order of a sum over ") + shardproof::name_of(*op->group) + ": " +
           both(in_a, in_b) + " ranks";
  if (a.reduction != b.reduction)
    return std::string("another order of a sum over ") + shardproof::name_of(*op->group) + ": " +
           both(name_of(a.reduction), name_of(b.reduction));
  return "";
}

}  // namespace

std::string why_bits_part(const TensorsSideBySide& sides, const TraceOfScenario& a,
                          const TraceOfScenario& b) {
  const TrainingConfig &in_a = a.scenario.training, &in_b = b.scenario.training;
  if (in_a.working != in_b.working)
    return "another dtype: " + both(name_of(in_a.working), name_of(in_b.working));
  if (sides.first_different_with_equal_inputs < 0) return "";
  const TensorComparison& first =
      sides.tensors[static_cast<std::size_t>(sides.first_different_with_equal_inputs)];
  const std::optional<Op> op_a = find_op(a.trace, first.op_a), op_b = find_op(b.trace, first.op_b);
  for (const std::optional<Op>& op : {op_a, op_b})
    if (const std::string sum = unlike_sum(op, a.scenario, b.scenario); !sum.empty()) return sum;
  const int stage_a = a.scenario.parallel.zero_stage, stage_b = b.scenario.parallel.zero_stage;
  if (stage_a != stage_b && std::max(stage_a, stage_b) == 2 && in_a.accumulation > 1)
    return "ZeRO stage 2 reduces, and rounds, after each micro-step: stages " +
           both(stage_a, stage_b);
  const bool products = op_a && op_b && op_a->kind == OpKind::matmul && op_b->kind == op_a->kind;
  if (products && a.scenario.parallel.tensor_parallel != b.scenario.parallel.tensor_parallel)
    return "a product of other widths, which a library may add in another order: tp " +
           both(a.scenario.parallel.tensor_parallel, b.scenario.parallel.tensor_parallel);
  return "";
}

}  // namespace shardproof::reports
