#include "reports/units/plan_unit.hpp"

#include <algorithm>
#include <array>

#include "scenarios/plan/op_attributes.hpp"

namespace shardproof::reports {

namespace {

using reference::UnitKind;

// The weights' gradient, then each expert's rows.
std::vector<UnitKind> moe_combine_backward_kinds(const Op& op) {
  std::vector<UnitKind> kinds(op.outputs.size(), UnitKind::moe_combine_backward_rows);
  kinds[0] = UnitKind::moe_combine_backward_weights;
  return kinds;
}

// The oracle's functions of an op, output by output. There is no default, so that a new kind of op
// does not compile before somebody has said who judges it.
std::vector<UnitKind> unit_kinds(const Op& op) {
  switch (op.kind) {
    case OpKind::rotary_table: return {UnitKind::rotary_table_cos, UnitKind::rotary_table_sin};
    case OpKind::alibi_slopes: return {UnitKind::alibi_slopes};
    case OpKind::shift_labels: return {UnitKind::shift_labels};
    case OpKind::positions: return {UnitKind::positions};
    case OpKind::embedding: return {UnitKind::embedding};
    case OpKind::rms_norm: return {UnitKind::rms_norm};
    case OpKind::layer_norm: return {UnitKind::layer_norm};
    case OpKind::matmul: return {UnitKind::matmul};
    case OpKind::add_bias: return {UnitKind::add_bias};
    case OpKind::rotary: return {UnitKind::rotary};
    case OpKind::attention: return {UnitKind::attention, UnitKind::attention_lse};
    case OpKind::swiglu: return {UnitKind::swiglu};
    case OpKind::gelu: return {UnitKind::gelu};
    case OpKind::relu: return {UnitKind::relu};
    case OpKind::product: return {UnitKind::product};
    case OpKind::soft_cap: return {UnitKind::soft_cap};
    case OpKind::relu_backward: return {UnitKind::relu_backward};
    case OpKind::soft_cap_backward: return {UnitKind::soft_cap_backward};
    case OpKind::sigmoid: return {UnitKind::sigmoid};
    case OpKind::sigmoid_backward: return {UnitKind::sigmoid_backward};
    case OpKind::add:
    case OpKind::accumulate: return {UnitKind::add};
    case OpKind::join: return {UnitKind::join};
    case OpKind::split: return std::vector(op.outputs.size(), UnitKind::split);
    case OpKind::repeat_heads: return {UnitKind::repeat_heads};
    case OpKind::sum_heads: return {UnitKind::sum_heads};
    case OpKind::route: return {UnitKind::route_selected, UnitKind::route_weights};
    case OpKind::route_backward: return {UnitKind::route_backward};
    case OpKind::moe_dispatch: return std::vector(op.outputs.size(), UnitKind::moe_dispatch);
    case OpKind::moe_dispatch_backward: return {UnitKind::moe_dispatch_backward};
    case OpKind::moe_combine: return {UnitKind::moe_combine};
    case OpKind::moe_combine_backward: return moe_combine_backward_kinds(op);
    case OpKind::cross_entropy: return {UnitKind::cross_entropy};
    case OpKind::cross_entropy_backward: return {UnitKind::cross_entropy_backward};
    case OpKind::squared_error: return {UnitKind::squared_error};
    case OpKind::squared_error_backward: return {UnitKind::squared_error_backward};
    case OpKind::matmul_backward_input: return {UnitKind::matmul_backward_input};
    case OpKind::matmul_backward_weight: return {UnitKind::matmul_backward_weight};
    case OpKind::bias_backward: return {UnitKind::bias_backward};
    case OpKind::rms_norm_backward_input: return {UnitKind::rms_norm_backward_input};
    case OpKind::rms_norm_backward_weight: return {UnitKind::rms_norm_backward_weight};
    case OpKind::layer_norm_backward_input: return {UnitKind::layer_norm_backward_input};
    case OpKind::layer_norm_backward_weight: return {UnitKind::layer_norm_backward_weight};
    case OpKind::rotary_backward: return {UnitKind::rotary_backward};
    case OpKind::attention_backward:
      return {UnitKind::attention_backward_q, UnitKind::attention_backward_k,
              UnitKind::attention_backward_v};
    case OpKind::swiglu_backward:
      return {UnitKind::swiglu_backward_gate, UnitKind::swiglu_backward_up};
    case OpKind::gelu_backward: return {UnitKind::gelu_backward};
    case OpKind::embedding_backward: return {UnitKind::embedding_backward};
    case OpKind::cast: return {UnitKind::cast};
    case OpKind::scale: return {UnitKind::scale};
    case OpKind::divide: return {UnitKind::divide};
    case OpKind::multiply: return {UnitKind::multiply};
    case OpKind::negate: return {UnitKind::negate};
    case OpKind::nonfinite: return {UnitKind::nonfinite};
    case OpKind::sum_of_squares: return {UnitKind::sum_of_squares};
    case OpKind::square_root: return {UnitKind::square_root};
    case OpKind::clip_factor: return {UnitKind::clip_factor};
    case OpKind::exp_avg: return {UnitKind::exp_avg};
    case OpKind::exp_avg_sq: return {UnitKind::exp_avg_sq};
    case OpKind::adamw: return {UnitKind::adamw};
    case OpKind::decay: return {UnitKind::decay};
    case OpKind::momentum: return {UnitKind::momentum};
    case OpKind::nesterov: return {UnitKind::nesterov};
    case OpKind::sgd: return {UnitKind::sgd};
    case OpKind::torch_exp_avg: return {UnitKind::torch_exp_avg};
    case OpKind::torch_exp_avg_sq: return {UnitKind::torch_exp_avg_sq};
    case OpKind::torch_adamw: return {UnitKind::torch_adamw};
    case OpKind::torch_decay: return {UnitKind::torch_decay};
    // Leaves: compared with the scenario.
    case OpKind::load_parameter:
    case OpKind::load_state:
    case OpKind::load_tokens:
    case OpKind::load_scalar:
    // Movement: reports/moves says what they write.
    case OpKind::zero:
    case OpKind::copy:
    case OpKind::flatten:
    case OpKind::unflatten:
    case OpKind::pad:
    case OpKind::concatenate:
    case OpKind::shard_slice:
    // Replayed from what the members of the group brought.
    case OpKind::all_reduce:
    case OpKind::all_reduce_max:
    case OpKind::all_gather:
    case OpKind::wait:
    // Functions of layouts or of bits, which the walk computes itself.
    case OpKind::accumulate_slices:
    case OpKind::checksum:
    case OpKind::differ: return {};
  }
  return {};
}

// Or its gradient.
bool is_loss(OpKind kind) {
  return kind == OpKind::cross_entropy || kind == OpKind::cross_entropy_backward ||
         kind == OpKind::squared_error || kind == OpKind::squared_error_backward;
}

// The number that a kind takes as UnitAttributes::factor. A kind that is forgotten here is judged
// with 0, and fails.
const char* factor_attribute(OpKind kind) {
  switch (kind) {
    case OpKind::cross_entropy_backward:
    case OpKind::squared_error_backward: return "grad_scale";
    case OpKind::route:
    case OpKind::route_backward:
    case OpKind::scale:
    case OpKind::decay:
    case OpKind::momentum:
    case OpKind::nesterov:
    case OpKind::torch_decay: return "factor";
    case OpKind::divide: return "divisor";
    case OpKind::clip_factor: return "clip";
    case OpKind::exp_avg:
    case OpKind::torch_exp_avg: return "beta1";
    case OpKind::exp_avg_sq:
    case OpKind::torch_exp_avg_sq: return "beta2";
    default: return nullptr;
  }
}

reference::UnitAttributes attributes_of(const Program& program, const Op& op) {
  reference::UnitAttributes attributes;
  const auto real = [&](const char* key, double& to) {
    if (op.attributes.contains(key)) to = real_number(op, key);
  };
  real("eps", attributes.eps);
  if (op.kind == OpKind::rms_norm || op.kind == OpKind::rms_norm_backward_input ||
      op.kind == OpKind::positions)
    attributes.offset = offset_of(op);
  if (op.kind == OpKind::soft_cap || op.kind == OpKind::soft_cap_backward)
    attributes.cap = real_number(op, "cap");
  real("weight_decay", attributes.weight_decay);
  if (const char* key = factor_attribute(op.kind)) attributes.factor = real_number(op, key);
  attributes.weight_layout = weight_layout(op);
  if (op.kind == OpKind::gelu || op.kind == OpKind::gelu_backward)
    attributes.gelu = gelu_form_from(text(op, "form"));
  // Narrower than the features where each head is normed by itself.
  if (op.kind == OpKind::rms_norm_backward_weight)
    attributes.extent = program.value(op.outputs[0]).shape[0];
  if (op.kind == OpKind::embedding_backward)
    attributes.extent = program.value(op.outputs[0]).shape[0];
  if (op.kind == OpKind::rotary || op.kind == OpKind::rotary_backward) {
    attributes.head_dim = rotary_form(op).head_dim;
    attributes.pairing = rotary_form(op).pairing;
  }
  if (op.kind == OpKind::attention || op.kind == OpKind::attention_backward)
    attributes.attention = attention_form(op);
  if (op.kind == OpKind::rotary_table) {
    attributes.frequencies = rotary_frequencies(op);
    attributes.extent = program.value(op.outputs[0]).shape[0];
    attributes.head_dim = 2 * program.value(op.outputs[0]).shape[1];
  }
  if (op.kind == OpKind::shift_labels || op.kind == OpKind::embedding_backward)
    attributes.padding = padding(op);
  // One replica's batch is one group.
  if (is_loss(op.kind)) attributes.groups = 1;
  return attributes;
}

// Which features of which heads an op moves or sums: of those that a rank holds.
void of_heads(const Program& program, const Op& op, std::size_t output, Rank rank,
              reference::UnitAttributes& attributes) {
  const auto features = [&](ValueId id) {
    return local_shape(program, program.value(id), rank).back();
  };
  if (op.kind == OpKind::split || op.kind == OpKind::join)
    attributes.parts = local_parts(program, op, rank);
  if (op.kind == OpKind::split) attributes.part = static_cast<std::int64_t>(output);
  if (op.kind == OpKind::repeat_heads)
    attributes.extent = features(op.outputs[0]) / features(op.inputs[0]);
  if (op.kind == OpKind::sum_heads) attributes.head_dim = features(op.outputs[0]);
  if (op.kind == OpKind::alibi_slopes) {
    const Value& slopes = program.value(op.outputs[0]);
    const auto boxes = held_boxes(slopes.shape, slopes.placement, program.grid(), rank);
    SHARDPROOF_EXPECTS(boxes.size() <= 1, "slopes of heads that are no neighbours");
    attributes.heads = slopes.shape[0];
    attributes.extent = boxes.empty() ? 0 : boxes[0].full.extent[0];
    attributes.part = boxes.empty() ? 0 : boxes[0].full.offset[0];
  }
}

// Whose tokens an op chooses, hands out or takes back; the tokens of a rank are one group.
void of_experts(const Program& program, const Op& op, std::size_t output, Rank rank,
                const RowCounts& rows, reference::UnitAttributes& attributes) {
  if (op.kind == OpKind::route || op.kind == OpKind::route_backward) {
    attributes.experts_per_token = integer(op, "experts_per_token");
    attributes.route = route_form_from(text(op, "form"));
    attributes.expert_groups = expert_groups(op);
  }
  if (!op.attributes.contains("order")) return;
  attributes.expert_rows = expert_rows(op);
  attributes.groups = 1;
  const bool backward = op.kind == OpKind::moe_combine_backward;
  if (op.kind == OpKind::moe_dispatch) attributes.experts = std::ssize(op.outputs);
  if (op.kind == OpKind::moe_combine) attributes.experts = std::ssize(op.inputs) - 2;
  if (backward) attributes.experts = std::ssize(op.outputs) - 1;
  if (op.kind != OpKind::moe_dispatch && (!backward || output == 0)) return;
  attributes.part = static_cast<std::int64_t>(output) - (backward ? 1 : 0);
  attributes.extent = local_shape(program, program.value(op.outputs[output]), rank, rows).at(0);
}

// Which inputs a unit of moe_combine_backward takes: of (dy, selected, weights, rows ...).
bool is_argument(const reference::UnitKind kind, std::size_t input) {
  if (kind == UnitKind::moe_combine_backward_weights) return input != 2;
  if (kind == UnitKind::moe_combine_backward_rows) return input < 3;
  return kind != UnitKind::attention_lse || input != 2;  // log-sum-exp does not read v
}

// The dtype that the policy gives an output. Only bitwise kinds have none of their own; for them
// the recorded dtype decides what "the same bits" are.
Dtype output_dtype(const Program& program, const Op& op, std::size_t output,
                   const PrecisionPolicy& policy) {
  if (op.kind == OpKind::attention && output == 1) return policy.compute;
  if (op.kind == OpKind::route && output == 0) return Dtype::int64;
  return policy.output(op.kind).value_or(program.value(op.outputs[output]).dtype);
}

}  // namespace

std::optional<PlanUnit> plan_unit(const Program& program, const Op& op, std::size_t output,
                                  const PrecisionPolicy& policy, Rank rank, const RowCounts& rows) {
  const std::vector<UnitKind> kinds = unit_kinds(op);
  if (output >= kinds.size()) return std::nullopt;
  PlanUnit unit{kinds[output], attributes_of(program, op), {}, {}};
  of_heads(program, op, output, rank, unit.attributes);
  of_experts(program, op, output, rank, rows, unit.attributes);
  unit.precision.output = output_dtype(program, op, output, policy);
  unit.precision.compute = unit.precision.output == Dtype::fp64 ? Dtype::fp64 : policy.compute;
  for (std::size_t i = 0; i < op.inputs.size(); ++i)
    if (is_argument(unit.kind, i)) unit.arguments.push_back(i);
  return unit;
}

}  // namespace shardproof::reports
