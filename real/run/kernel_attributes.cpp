#include "real/run/kernel_attributes.hpp"

#include "scenarios/plan/op_attributes.hpp"

namespace shardproof::real {

namespace {

// Of all parameter groups: what of each slice enters the norm.
std::vector<std::vector<KernelAttributes::Range>> ranges_of_the_norm(const Program& program,
                                                                     const Op& op, Rank rank) {
  std::vector<std::vector<KernelAttributes::Range>> ranges;
  for (const ValueId id : op.inputs) {
    const Value& flat = program.value(id);
    auto& of_input = ranges.emplace_back();
    for (const auto& [begin, count] :
         counted_ranges(program.layout_of(flat), flat.placement, program.grid(), rank))
      of_input.push_back({begin, begin + count});
  }
  return ranges;
}

}  // namespace

KernelAttributes kernel_attributes(const Program& program, const Op& op, Rank rank) {
  switch (op.kind) {
    case OpKind::rotary_table: return {.frequencies = rotary_frequencies(op)};
    case OpKind::positions: return {.offset = offset_of(op)};
    case OpKind::shift_labels:
    case OpKind::embedding_backward: return {.padding = padding(op)};
    case OpKind::rms_norm:
    case OpKind::rms_norm_backward_input:
      return {.eps = real_number(op, "eps"), .offset = offset_of(op)};
    case OpKind::rms_norm_backward_weight:
    case OpKind::layer_norm:
    case OpKind::layer_norm_backward_input:
    case OpKind::layer_norm_backward_weight: return {.eps = real_number(op, "eps")};
    case OpKind::matmul:
    case OpKind::matmul_backward_input:
    case OpKind::matmul_backward_weight: return {.weight_layout = weight_layout(op)};
    case OpKind::rotary:
    case OpKind::rotary_backward: return {.rotary = rotary_form(op)};
    case OpKind::attention:
    case OpKind::attention_backward: return {.attention = attention_form(op)};
    case OpKind::soft_cap:
    case OpKind::soft_cap_backward: return {.cap = real_number(op, "cap")};
    case OpKind::gelu:
    case OpKind::gelu_backward: return {.gelu = gelu_form_from(text(op, "form"))};
    case OpKind::split:
    case OpKind::join: return {.parts = local_parts(program, op, rank)};
    case OpKind::route:
    case OpKind::route_backward:
      return {.factor = real_number(op, "factor"),
              .route = route_form_from(text(op, "form")),
              .expert_groups = expert_groups(op)};
    case OpKind::moe_dispatch:
    case OpKind::moe_dispatch_backward:
    case OpKind::moe_combine:
    case OpKind::moe_combine_backward: return {.expert_rows = expert_rows(op)};
    case OpKind::cross_entropy_backward:
    case OpKind::squared_error_backward: return {.grad_scale = real_number(op, "grad_scale")};
    case OpKind::scale:
    case OpKind::decay:
    case OpKind::momentum:
    case OpKind::nesterov:
    case OpKind::torch_decay: return {.factor = real_number(op, "factor")};
    case OpKind::divide: return {.divisor = real_number(op, "divisor")};
    case OpKind::sum_of_squares: return {.ranges = ranges_of_the_norm(program, op, rank)};
    case OpKind::clip_factor: return {.clip = real_number(op, "clip")};
    case OpKind::exp_avg:
    case OpKind::torch_exp_avg: return {.beta = real_number(op, "beta1")};
    case OpKind::exp_avg_sq:
    case OpKind::torch_exp_avg_sq: return {.beta = real_number(op, "beta2")};
    case OpKind::adamw:
    case OpKind::torch_adamw:
      return {.eps = real_number(op, "eps"), .weight_decay = real_number(op, "weight_decay")};
    default: return {};  // all that it needs are its tensors
  }
}

}  // namespace shardproof::real
