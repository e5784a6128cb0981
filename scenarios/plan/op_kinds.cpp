#include "scenarios/plan/op_kinds.hpp"

#include <array>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

constexpr const char* exact = "none: bits are moved";
constexpr const char* once = "one, at the store";
constexpr const char* inside = "compute dtype inside, one at the store";
constexpr const char* alike = "tp=replicate, the batch alike in all";
constexpr const char* pointwise = "all inputs alike, none partial";
constexpr const char* features = "shard of the features goes through; none partial";

constexpr auto table = std::to_array<OpRow>({
    {OpKind::load_parameter, "load_parameter", 0, 1, "() -> P", "as the partition says",
     "the declared cast", Judge::leaf},
    {OpKind::load_state, "load_state", 0, 1, "() -> any", "as the state is cut", exact,
     Judge::leaf},
    {OpKind::load_tokens, "load_tokens", 0, 1, "() -> (B, T)", "tp=replicate dp=shard(0)", exact,
     Judge::leaf},
    {OpKind::load_scalar, "load_scalar", 0, 1, "() -> (1)", "replicate",
     "computed in fp64, rounded once", Judge::leaf},
    {OpKind::zero, "zero", 0, 1, "() -> any", "any", exact, Judge::leaf},
    {OpKind::rotary_table, "rotary_table", 0, 2, "() -> (T, r/2) x2", "replicate",
     "angle and cosine in fp64, rounded once", Judge::bounded},
    {OpKind::alibi_slopes, "alibi_slopes", 0, 1, "() -> (h)", "replicate, or cut as the heads",
     "computed in fp64, rounded once", Judge::bounded},
    {OpKind::shift_labels, "shift_labels", 1, 1, "(B, T) -> (B, T)", pointwise, exact,
     Judge::bitwise},
    {OpKind::positions, "positions", 1, 1, "(B, T) -> (B, T)", pointwise,
     "none: offset to offset + T - 1 in each row", Judge::bitwise},
    {OpKind::embedding, "embedding", 2, 1, "(V, C), (B, T) -> (B, T, C)",
     "weight replicate, rows of the tokens", exact, Judge::bitwise},
    {OpKind::rms_norm, "rms_norm", 2, 1, "(B, T, C), (C) or (hd) -> (B, T, C)",
     "features whole, or whole heads each of hd; none partial", inside, Judge::bounded},
    {OpKind::layer_norm, "layer_norm", 3, 1, "(B, T, C), (C) x2 -> (B, T, C)",
     "features whole, none partial", inside, Judge::bounded},
    {OpKind::matmul, "matmul", 2, 1, "(B, T, I), (O, I) -> (B, T, O)",
     "column: weight shard(0) -> features sharded; row: both sharded along I -> partial", inside,
     Judge::bounded},
    {OpKind::add_bias, "add_bias", 2, 1, "(B, T, O), (O) -> (B, T, O)", features, once,
     Judge::bitwise},
    {OpKind::rotary, "rotary", 3, 1, "(B, T, h*hd), (T, r/2) x2 -> (B, T, h*hd), r <= hd", features,
     inside, Judge::bounded},
    {OpKind::attention, "attention", 3, 2,
     "(B, T, h*hd), (B, T, hk*hd), (B, T, hk*vd) [, (h)] -> (B, T, h*vd), (B, h, T)",
     "heads sharded alike", inside, Judge::bounded, 1},
    {OpKind::swiglu, "swiglu", 2, 1, "(B, T, F) x2 -> (B, T, F)", pointwise, inside,
     Judge::bounded},
    {OpKind::gelu, "gelu", 1, 1, "x -> x", pointwise, inside, Judge::bounded},
    {OpKind::relu, "relu", 1, 1, "x -> x", pointwise, exact, Judge::bitwise},
    {OpKind::product, "product", 2, 1, "a, b -> a", pointwise, once, Judge::bitwise},
    {OpKind::soft_cap, "soft_cap", 1, 1, "x -> x", pointwise, inside, Judge::bounded},
    {OpKind::sigmoid, "sigmoid", 1, 1, "x -> x", pointwise, inside, Judge::bounded},
    {OpKind::add, "add", 2, 1, "a, b -> a", pointwise, once, Judge::bitwise},
    {OpKind::split, "split", 1, -1, "(B, T, F) -> (B, T, F_k) ..., F the sum of F_k",
     "each part cut as its block of F, or as the heads", exact, Judge::bitwise},
    {OpKind::join, "join", -1, 1, "(B, T, F_k) ... -> (B, T, F)",
     "F cut in blocks as the parts are, or as the heads", exact, Judge::bitwise},
    {OpKind::repeat_heads, "repeat_heads", 1, 1, "(B, T, p) -> (B, T, h*p)",
     "features whole -> whole, or heads sharded", exact, Judge::bitwise},
    {OpKind::sum_heads, "sum_heads", 1, 1, "(B, T, h*p) -> (B, T, p)", "heads sharded -> partial",
     inside, Judge::bounded},
    {OpKind::route, "route", 1, 2, "(B, T, E) [, (E)] -> (B, T, k) x2: experts, weights", alike,
     "experts: each sum of two; weights: compute dtype inside, one at the store", Judge::bounded,
     1},
    {OpKind::moe_dispatch, "moe_dispatch", 2, -1,
     "(B, T, C), (B, T, k) -> (rows_e, C) of each expert e", alike, exact, Judge::bitwise},
    {OpKind::moe_combine, "moe_combine", -1, 1, "(B, T, k) x2, (rows_e, C) ... -> (B, T, C)", alike,
     inside, Judge::bounded},
    {OpKind::cross_entropy, "cross_entropy", 2, 1, "(B, T, V), (B, T) -> (1)",
     "vocabulary whole; one loss a replica", "compute dtype, not rounded further", Judge::bounded},
    {OpKind::squared_error, "squared_error", 2, 1, "(B, T, V), (B, T) -> (1)",
     "vocabulary whole; one loss a replica", "compute dtype, not rounded further", Judge::bounded},
    {OpKind::cross_entropy_backward, "cross_entropy_backward", 2, 1,
     "(B, T, V), (B, T) [, (1)] -> (B, T, V)", "vocabulary whole; a loss scale replicate", inside,
     Judge::bounded, 1},
    {OpKind::squared_error_backward, "squared_error_backward", 2, 1,
     "(B, T, V), (B, T) [, (1)] -> (B, T, V)", "vocabulary whole; a loss scale replicate", inside,
     Judge::bounded, 1},
    {OpKind::matmul_backward_input, "matmul_backward_input", 2, 1, "(B, T, O), (O, I) -> (B, T, I)",
     "column: partial; row: features sharded", inside, Judge::bounded},
    {OpKind::matmul_backward_weight, "matmul_backward_weight", 2, 1,
     "(B, T, O), (B, T, I) -> (O, I)", "tp as the weight; dp=partial", inside, Judge::bounded},
    {OpKind::bias_backward, "bias_backward", 1, 1, "(B, T, O) -> (O)", "tp as the bias; dp=partial",
     inside, Judge::bounded},
    {OpKind::rms_norm_backward_input, "rms_norm_backward_input", 3, 1,
     "(B, T, C) x2, (C) -> (B, T, C)", "features whole, none partial", inside, Judge::bounded},
    {OpKind::rms_norm_backward_weight, "rms_norm_backward_weight", 2, 1,
     "(B, T, C) x2 -> (C) or (hd)", "replicate; partial where the heads or the batch are cut",
     inside, Judge::bounded},
    {OpKind::layer_norm_backward_input, "layer_norm_backward_input", 3, 1,
     "(B, T, C) x2, (C) -> (B, T, C)", "features whole, none partial", inside, Judge::bounded},
    {OpKind::layer_norm_backward_weight, "layer_norm_backward_weight", 2, 1, "(B, T, C) x2 -> (C)",
     "tp=replicate dp=partial", inside, Judge::bounded},
    {OpKind::rotary_backward, "rotary_backward", 3, 1,
     "(B, T, h*hd), (T, r/2) x2 -> (B, T, h*hd), r <= hd", features, inside, Judge::bounded},
    {OpKind::attention_backward, "attention_backward", 6, 3,
     "dO, q, k, v, O, lse [, (h)] -> dq, dk, dv", "heads sharded alike", inside, Judge::bounded, 1},
    {OpKind::swiglu_backward, "swiglu_backward", 3, 2, "(B, T, F) x3 -> (B, T, F) x2", pointwise,
     inside, Judge::bounded},
    {OpKind::gelu_backward, "gelu_backward", 2, 1, "dy, x -> dx", pointwise, inside,
     Judge::bounded},
    {OpKind::relu_backward, "relu_backward", 2, 1, "dy, x -> dx", pointwise, exact, Judge::bitwise},
    {OpKind::soft_cap_backward, "soft_cap_backward", 2, 1, "dy, x -> dx", pointwise, inside,
     Judge::bounded},
    {OpKind::sigmoid_backward, "sigmoid_backward", 2, 1, "dy, x -> dx", pointwise, inside,
     Judge::bounded},
    {OpKind::embedding_backward, "embedding_backward", 2, 1, "(B, T, C), (B, T) -> (V, C)",
     "tp=replicate dp=partial", inside, Judge::bounded},
    {OpKind::route_backward, "route_backward", 3, 1, "(B, T, k), (B, T, E), (B, T, k) -> (B, T, E)",
     alike, inside, Judge::bounded},
    {OpKind::moe_dispatch_backward, "moe_dispatch_backward", -1, 1,
     "(B, T, k), (rows_e, C) ... -> (B, T, C)", alike, inside, Judge::bounded},
    {OpKind::moe_combine_backward, "moe_combine_backward", -1, -1,
     "(B, T, C), (B, T, k) x2, (rows_e, C) ... -> (B, T, k), (rows_e, C) ...", alike, inside,
     Judge::bounded},
    {OpKind::accumulate, "accumulate", 2, 1, "a, b -> a, in place",
     "sums add to sums: partial stays partial", once, Judge::bitwise},
    {OpKind::accumulate_slices, "accumulate_slices", 2, 1, "(slice), (bucket) -> (slice), in place",
     "the bucket replicate over dp; its parameters in the slice are added", once, Judge::bitwise},
    {OpKind::copy, "copy", 1, 1, "x -> x", "unchanged", exact, Judge::bitwise},
    {OpKind::cast, "cast", 1, 1, "x -> x", "unchanged, not partial", once, Judge::bitwise},
    {OpKind::flatten, "flatten", -1, 1, "P ... -> (slice)",
     "flat over dp if there are several owners", exact, Judge::bitwise},
    {OpKind::unflatten, "unflatten", 1, -1, "(padded) -> P ...",
     "each parameter as the partition says", exact, Judge::bitwise},
    {OpKind::pad, "pad", 1, 1, "shard -> one block of it, zeros up to the widest rank's",
     "shard -> even shard", exact, Judge::bitwise},
    {OpKind::concatenate, "concatenate", -1, 1, "(tp, block) ... -> full", "replicate", exact,
     Judge::bitwise},
    {OpKind::shard_slice, "shard_slice", 1, 1, "full -> shard", "replicate -> shard", exact,
     Judge::bitwise},
    {OpKind::all_reduce, "all_reduce", 1, 1, "x -> x", "partial -> replicate over the group",
     "each addition rounded to the wire dtype", Judge::replay},
    {OpKind::all_reduce_max, "all_reduce_max", 1, 1, "x -> x", "any -> replicate over the group",
     exact, Judge::replay},
    {OpKind::all_gather, "all_gather", 1, 1, "(n) -> (group, n)",
     "shard or flat -> replicate over the group", exact, Judge::replay},
    {OpKind::wait, "wait", 1, 1, "x -> x", "completes a collective", exact, Judge::bitwise},
    {OpKind::scale, "scale", 1, 1, "x -> x", "unchanged", once, Judge::bitwise},
    {OpKind::divide, "divide", 1, 1, "x -> x", "unchanged", once, Judge::bitwise},
    {OpKind::multiply, "multiply", 2, 1, "x, (1) -> x",
     "x unchanged, not partial; the scalar replicate", once, Judge::bitwise},
    {OpKind::negate, "negate", 1, 1, "x -> x", "unchanged", exact, Judge::bitwise},
    {OpKind::nonfinite, "nonfinite", -1, 1, "x ... -> (1)", "a flag of one rank's part", exact,
     Judge::bitwise},
    {OpKind::sum_of_squares, "sum_of_squares", -1, 1, "x ... -> (1)",
     "partial over the axes that divide x", "fp64", Judge::bounded},
    {OpKind::square_root, "square_root", 1, 1, "(1) [, (1)] -> (1)", "replicate",
     "computed in fp64, also the division by a loss scale, rounded once", Judge::bitwise, 1},
    {OpKind::clip_factor, "clip_factor", 1, 1, "(1) [, (1)] -> (1)", "replicate",
     "computed in fp64, rounded once", Judge::bitwise, 1},
    {OpKind::exp_avg, "exp_avg", 2, 1, "m, g -> m, in place", pointwise, "after every operation",
     Judge::bitwise},
    {OpKind::exp_avg_sq, "exp_avg_sq", 2, 1, "v, g -> v, in place", pointwise,
     "after every operation", Judge::bitwise},
    {OpKind::adamw, "adamw", 6, 1, "p, m, v, lr, c1, c2 -> p, in place", pointwise,
     "after every operation", Judge::bitwise},
    {OpKind::decay, "decay", 2, 1, "g, p -> g + wd p", pointwise, "after every operation",
     Judge::bitwise},
    {OpKind::momentum, "momentum", 2, 1, "g, b -> g + mu b, in the place of b", pointwise,
     "after every operation", Judge::bitwise},
    {OpKind::nesterov, "nesterov", 2, 1, "g, b -> g + mu b", pointwise, "after every operation",
     Judge::bitwise},
    {OpKind::sgd, "sgd", 3, 1, "p, g, lr -> p, in place", pointwise, "after every operation",
     Judge::bitwise},
    {OpKind::torch_exp_avg, "torch_exp_avg", 2, 1, "m, g -> m, in place", pointwise,
     "after every operation, a fused multiply-add being one", Judge::bitwise},
    {OpKind::torch_exp_avg_sq, "torch_exp_avg_sq", 2, 1, "v, g -> v, in place", pointwise,
     "after every operation, a fused multiply-add being one", Judge::bitwise},
    {OpKind::torch_adamw, "torch_adamw", 6, 1, "p, m, v, lr, c1, root of c2 -> p, in place",
     pointwise, "after every operation; coefficients in fp64, rounded once", Judge::bitwise},
    {OpKind::torch_decay, "torch_decay", 2, 1, "g, p -> g + wd p", pointwise,
     "once: a fused multiply-add", Judge::bitwise},
    {OpKind::checksum, "checksum", 1, 1, "x -> (2)",
     "of one rank's bits; agreement is what is asked", exact, Judge::bitwise},
    {OpKind::differ, "differ", 2, 1, "a, b -> (1)",
     "a, b alike, none partial; a flag of one rank's bits", "none: 0 or 1", Judge::bitwise},
});

}  // namespace

const OpRow& row_of(OpKind kind) {
  const OpRow& row = table[static_cast<std::size_t>(kind)];
  SHARDPROOF_EXPECTS(row.kind == kind, row.name);
  return row;
}

std::span<const OpRow> op_table() { return table; }

std::optional<OpKind> op_kind_from_name(std::string_view name) {
  for (const OpRow& row : table)
    if (name == row.name) return row.kind;
  return std::nullopt;
}

const char* name_of(Judge judge) {
  switch (judge) {
    case Judge::leaf: return "leaf";
    case Judge::bitwise: return "bitwise";
    case Judge::bounded: return "bounded";
    case Judge::replay: return "replay";
  }
  return "";
}

bool is_collective(OpKind kind) {
  return kind == OpKind::all_reduce || kind == OpKind::all_reduce_max || kind == OpKind::all_gather;
}

}  // namespace shardproof
