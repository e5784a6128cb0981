#include "reference/bounds/replay.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "reference/bounds/attention.hpp"
#include "reference/bounds/bitwise.hpp"
#include "reference/bounds/experts.hpp"
#include "reference/bounds/heads.hpp"
#include "reference/bounds/loss.hpp"
#include "reference/bounds/norms.hpp"
#include "reference/bounds/pointwise.hpp"
#include "reference/bounds/soft_cap.hpp"
#include "reference/bounds/sums.hpp"
#include "reference/bounds/torch_update.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

struct Row {
  UnitKind kind;
  const char* name;
  int arity;  // any_number: one or more
  UnitResult (*replay)(const UnitCall&);
  int optional = 0;  // arguments that may follow
};
constexpr int any_number = -1;

constexpr auto table = std::to_array<Row>({
    {UnitKind::copy, "copy", 1, replay_copy},
    {UnitKind::cast, "cast", 1, replay_copy},
    {UnitKind::rotary_table_cos, "rotary_table_cos", 0, replay_rotary_table},
    {UnitKind::rotary_table_sin, "rotary_table_sin", 0, replay_rotary_table},
    {UnitKind::alibi_slopes, "alibi_slopes", 0, replay_alibi_slopes},
    {UnitKind::shift_labels, "shift_labels", 1, replay_shift_labels},
    {UnitKind::positions, "positions", 1, replay_positions},
    {UnitKind::embedding, "embedding", 2, replay_embedding},
    {UnitKind::rms_norm, "rms_norm", 2, replay_rms_norm},
    {UnitKind::layer_norm, "layer_norm", 3, replay_layer_norm},
    {UnitKind::matmul, "matmul", 2, replay_matmul},
    {UnitKind::add_bias, "add_bias", 2, replay_add_bias},
    {UnitKind::rotary, "rotary", 3, replay_rotary},
    {UnitKind::attention, "attention", 3, replay_attention, 1},
    {UnitKind::attention_lse, "attention_lse", 2, replay_attention_lse, 1},
    {UnitKind::swiglu, "swiglu", 2, replay_swiglu},
    {UnitKind::gelu, "gelu", 1, replay_gelu},
    {UnitKind::relu, "relu", 1, replay_relu},
    {UnitKind::product, "product", 2, replay_product},
    {UnitKind::soft_cap, "soft_cap", 1, replay_soft_cap},
    {UnitKind::sigmoid, "sigmoid", 1, replay_sigmoid},
    {UnitKind::add, "add", 2, replay_add},
    {UnitKind::split, "split", 1, replay_split},
    {UnitKind::join, "join", any_number, replay_join},
    {UnitKind::repeat_heads, "repeat_heads", 1, replay_repeat_heads},
    {UnitKind::sum_heads, "sum_heads", 1, replay_sum_heads},
    {UnitKind::route_selected, "route_selected", 1, replay_route_selected, 1},
    {UnitKind::route_weights, "route_weights", 1, replay_route_weights, 1},
    {UnitKind::moe_dispatch, "moe_dispatch", 2, replay_moe_dispatch},
    {UnitKind::moe_combine, "moe_combine", any_number, replay_moe_combine},
    {UnitKind::cross_entropy, "cross_entropy", 2, replay_cross_entropy},
    {UnitKind::cross_entropy_backward, "cross_entropy_backward", 2, replay_cross_entropy_backward,
     1},
    {UnitKind::squared_error, "squared_error", 2, replay_squared_error},
    {UnitKind::squared_error_backward, "squared_error_backward", 2, replay_squared_error_backward,
     1},
    {UnitKind::matmul_backward_input, "matmul_backward_input", 2, replay_matmul_backward_input},
    {UnitKind::matmul_backward_weight, "matmul_backward_weight", 2, replay_matmul_backward_weight},
    {UnitKind::bias_backward, "bias_backward", 1, replay_bias_backward},
    {UnitKind::rms_norm_backward_input, "rms_norm_backward_input", 3,
     replay_rms_norm_backward_input},
    {UnitKind::rms_norm_backward_weight, "rms_norm_backward_weight", 2,
     replay_rms_norm_backward_weight},
    {UnitKind::layer_norm_backward_input, "layer_norm_backward_input", 3,
     replay_layer_norm_backward_input},
    {UnitKind::layer_norm_backward_weight, "layer_norm_backward_weight", 2,
     replay_layer_norm_backward_weight},
    {UnitKind::rotary_backward, "rotary_backward", 3, replay_rotary_backward},
    {UnitKind::attention_backward_q, "attention_backward_q", 6, replay_attention_backward, 1},
    {UnitKind::attention_backward_k, "attention_backward_k", 6, replay_attention_backward, 1},
    {UnitKind::attention_backward_v, "attention_backward_v", 6, replay_attention_backward, 1},
    {UnitKind::swiglu_backward_gate, "swiglu_backward_gate", 3, replay_swiglu_backward_gate},
    {UnitKind::swiglu_backward_up, "swiglu_backward_up", 3, replay_swiglu_backward_up},
    {UnitKind::gelu_backward, "gelu_backward", 2, replay_gelu_backward},
    {UnitKind::relu_backward, "relu_backward", 2, replay_relu_backward},
    {UnitKind::soft_cap_backward, "soft_cap_backward", 2, replay_soft_cap_backward},
    {UnitKind::sigmoid_backward, "sigmoid_backward", 2, replay_sigmoid_backward},
    {UnitKind::embedding_backward, "embedding_backward", 2, replay_embedding_backward},
    {UnitKind::route_backward, "route_backward", 3, replay_route_backward},
    {UnitKind::moe_dispatch_backward, "moe_dispatch_backward", any_number,
     replay_moe_dispatch_backward},
    {UnitKind::moe_combine_backward_weights, "moe_combine_backward_weights", any_number,
     replay_moe_combine_backward_weights},
    {UnitKind::moe_combine_backward_rows, "moe_combine_backward_rows", 3,
     replay_moe_combine_backward_rows},
    {UnitKind::scale, "scale", 1, replay_scale},
    {UnitKind::divide, "divide", 1, replay_divide},
    {UnitKind::multiply, "multiply", 2, replay_multiply},
    {UnitKind::negate, "negate", 1, replay_negate},
    {UnitKind::sum, "sum", 1, replay_sum},
    {UnitKind::mean, "mean", 1, replay_mean},
    {UnitKind::nonfinite, "nonfinite", any_number, replay_nonfinite},
    {UnitKind::sum_of_squares, "sum_of_squares", any_number, replay_sum_of_squares},
    {UnitKind::square_root, "square_root", 1, replay_square_root, 1},
    {UnitKind::clip_factor, "clip_factor", 1, replay_clip_factor, 1},
    {UnitKind::exp_avg, "exp_avg", 2, replay_exp_avg},
    {UnitKind::exp_avg_sq, "exp_avg_sq", 2, replay_exp_avg_sq},
    {UnitKind::adamw, "adamw", 6, replay_adamw},
    {UnitKind::torch_exp_avg, "torch_exp_avg", 2, replay_torch_exp_avg},
    {UnitKind::torch_exp_avg_sq, "torch_exp_avg_sq", 2, replay_torch_exp_avg_sq},
    {UnitKind::torch_adamw, "torch_adamw", 6, replay_torch_adamw},
    {UnitKind::torch_decay, "torch_decay", 2, replay_torch_decay},
    {UnitKind::decay, "decay", 2, replay_add_scaled},
    {UnitKind::momentum, "momentum", 2, replay_add_scaled},
    {UnitKind::nesterov, "nesterov", 2, replay_add_scaled},
    {UnitKind::sgd, "sgd", 3, replay_sgd},
});

const Row& row_of(UnitKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  SHARDPROOF_EXPECTS(index < table.size() && table[index].kind == kind, index);
  return table[index];
}

}  // namespace

const char* name_of(UnitKind kind) { return row_of(kind).name; }

UnitResult replay(UnitKind kind, const UnitAttributes& attributes, const UnitPrecision& precision,
                  std::span<const Operand> arguments) {
  const Row& row = row_of(kind);
  const auto count = static_cast<int>(arguments.size());
  SHARDPROOF_EXPECTS(row.arity == any_number
                         ? count >= 1
                         : row.arity <= count && count <= row.arity + row.optional,
                     row.name, count);
  for (const Operand& argument : arguments)
    SHARDPROOF_EXPECTS(
        element_count(argument.shape) == static_cast<std::int64_t>(argument.values.size()),
        row.name, to_string(argument.shape), argument.values.size());
  SHARDPROOF_EXPECTS(precision.compute == Dtype::fp64 || precision.compute == Dtype::fp32, row.name,
                     "computes in", name_of(precision.compute));
  UnitResult result = row.replay({kind, attributes, precision, arguments});
  result.finite_arguments = std::ranges::all_of(
      arguments, [](const Operand& argument) { return all_finite(argument.values); });
  return result;
}

}  // namespace shardproof::reference
