#include "scenarios/precision/precision.hpp"

namespace shardproof {

PrecisionPolicy precision_policy(const Scenario& scenario) {
  PrecisionPolicy policy;
  policy.working = scenario.training.working;
  policy.compute = policy.working == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32;
  policy.master = policy.compute;
  policy.scalars = scenario.training.optimizer.takes_fp64_scalars() ? Dtype::fp64 : policy.master;
  policy.accumulate = scenario.training.accumulate.value_or(policy.working);
  // DeepSpeed's BF16_Optimizer.
  const bool multiplies_fp32_buffers = policy.working == Dtype::bf16 &&
                                       policy.accumulate == Dtype::fp32 &&
                                       scenario.parallel.zero_stage == 1;
  policy.tp_wire = policy.working;
  policy.dp_wire = scenario.parallel.dp_wire.value_or(multiplies_fp32_buffers ? policy.accumulate
                                                                              : policy.working);
  policy.order = scenario.reduction;
  policy.divide_before = scenario.parallel.zero_stage > 0 && !multiplies_fp32_buffers;
  return policy;
}

Dtype PrecisionPolicy::wire(OpKind kind, Axis axis, Dtype operand) const {
  if (kind != OpKind::all_reduce) return operand;
  if (axis == Axis::tp) return operand == working ? tp_wire : operand;
  return operand == working || operand == accumulate ? dp_wire : operand;
}

std::optional<Dtype> PrecisionPolicy::output(OpKind kind) const {
  switch (kind) {
    case OpKind::load_tokens:
    case OpKind::shift_labels:
    case OpKind::positions: return Dtype::int64;

    case OpKind::load_parameter:
    case OpKind::rotary_table:
    case OpKind::embedding:
    case OpKind::rms_norm:
    case OpKind::layer_norm:
    case OpKind::matmul:
    case OpKind::add_bias:
    case OpKind::rotary:
    case OpKind::attention:  // its second output, the log-sum-exp, is in the compute dtype
    case OpKind::swiglu:
    case OpKind::gelu:
    case OpKind::relu:
    case OpKind::product:
    case OpKind::soft_cap:
    case OpKind::sigmoid:
    case OpKind::split:
    case OpKind::join:
    case OpKind::repeat_heads:
    case OpKind::sum_heads:
    case OpKind::route:  // the weights; the chosen experts are int64
    case OpKind::moe_dispatch:
    case OpKind::moe_combine:
    case OpKind::cross_entropy_backward:
    case OpKind::squared_error_backward:
    case OpKind::matmul_backward_input:
    case OpKind::matmul_backward_weight:
    case OpKind::bias_backward:
    case OpKind::rms_norm_backward_input:
    case OpKind::rms_norm_backward_weight:
    case OpKind::layer_norm_backward_input:
    case OpKind::layer_norm_backward_weight:
    case OpKind::rotary_backward:
    case OpKind::attention_backward:
    case OpKind::swiglu_backward:
    case OpKind::gelu_backward:
    case OpKind::relu_backward:
    case OpKind::soft_cap_backward:
    case OpKind::sigmoid_backward:
    case OpKind::embedding_backward:
    case OpKind::route_backward:
    case OpKind::moe_dispatch_backward:
    case OpKind::moe_combine_backward: return working;

    case OpKind::alibi_slopes:
    case OpKind::cross_entropy:
    case OpKind::squared_error: return compute;

    case OpKind::accumulate:
    case OpKind::accumulate_slices: return accumulate;

    case OpKind::nonfinite:
    case OpKind::differ: return Dtype::fp32;
    case OpKind::sum_of_squares:
    case OpKind::checksum: return Dtype::fp64;

    case OpKind::load_state:
    case OpKind::square_root:
    case OpKind::clip_factor:
    case OpKind::multiply:
    case OpKind::exp_avg:
    case OpKind::exp_avg_sq:
    case OpKind::adamw:
    case OpKind::decay:
    case OpKind::momentum:
    case OpKind::nesterov:
    case OpKind::sgd:
    case OpKind::torch_exp_avg:
    case OpKind::torch_exp_avg_sq:
    case OpKind::torch_adamw:
    case OpKind::torch_decay: return master;

    default: return std::nullopt;
  }
}

}  // namespace shardproof
