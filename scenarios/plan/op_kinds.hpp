#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace shardproof {

/// What an op computes. One row of the op table each; `shardproof plan --ops` prints the table.
enum class OpKind {
  // clang-format off
  // leaves
  load_parameter, load_state, load_tokens, load_scalar, zero, rotary_table, alibi_slopes,
  shift_labels, positions,
  // forward
  embedding, rms_norm, layer_norm, matmul, add_bias, rotary, attention, swiglu, gelu, relu,
  product, soft_cap, sigmoid, add, split, join, repeat_heads, sum_heads, route, moe_dispatch,
  moe_combine, cross_entropy, squared_error,
  // backward
  cross_entropy_backward, squared_error_backward, matmul_backward_input, matmul_backward_weight,
  bias_backward, rms_norm_backward_input, rms_norm_backward_weight, layer_norm_backward_input,
  layer_norm_backward_weight, rotary_backward, attention_backward, swiglu_backward, gelu_backward,
  relu_backward, soft_cap_backward, sigmoid_backward, embedding_backward, route_backward,
  moe_dispatch_backward, moe_combine_backward, accumulate, accumulate_slices,
  // movement
  copy, cast, flatten, unflatten, pad, concatenate, shard_slice,
  // collectives
  all_reduce, all_reduce_max, all_gather, wait,
  // reduction and optimizer
  scale, divide, multiply, negate, nonfinite, sum_of_squares, square_root, clip_factor, exp_avg,
  exp_avg_sq, adamw, decay, momentum, nesterov, sgd, torch_exp_avg, torch_exp_avg_sq, torch_adamw,
  torch_decay, checksum, differ,
  // clang-format on
};

/// Who says that an op computed the right numbers.
enum class Judge {
  leaf,     // compared with the scenario itself
  bitwise,  // the result is one rounding, or none: its bits are recomputed
  bounded,  // the acceptance set of reference/bounds
  replay,   // a reduction in a pinned order, replayed hop by hop
};

/// A row of the op table.
struct OpRow {
  OpKind kind;
  const char* name;
  int inputs;             // -1: one or more
  int outputs;            // -1: one or more
  const char* shapes;     // the shape rule, for people
  const char* placement;  // the placement rule, for people; type_check.cpp enforces it
  const char* rounding;   // the rounding points, for people; precision.hpp decides the dtypes
  Judge judge;
  int optional = 0;  // inputs that may follow the others
};

const OpRow& row_of(OpKind kind);
std::span<const OpRow> op_table();
std::optional<OpKind> op_kind_from_name(std::string_view name);
inline const char* name_of(OpKind kind) { return row_of(kind).name; }
const char* name_of(Judge judge);

/// all_reduce, all_reduce_max, all_gather: started here, complete at the `wait` that follows.
bool is_collective(OpKind kind);

}  // namespace shardproof
