#pragma once

#include <span>
#include <vector>

#include "reference/bounds/unit_attributes.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::reference {

/// A function of recorded inputs with one recorded output: what is judged (DESIGN section 4).
/// Arguments in order; shapes as in real/kernels.hpp's rows, but this is the oracle's own list and
/// its own arithmetic. "groups": the leading batch dimension is cut into that many batch groups.
enum class UnitKind {
  copy,              // x
  cast,              // x
  rotary_table_cos,  // () of theta, head_dim, extent = T; output (T, hd/2)
  rotary_table_sin,
  alibi_slopes,              // () of heads; those from `part` on, `extent` of them
  shift_labels,              // tokens (B, T)
  positions,                 // tokens (B, T): 0 to T - 1 in each row, + offset
  embedding,                 // weight (V, C), tokens (B, T)
  rms_norm,                  // x (..., C), weight (C), or of a width that divides C; offset
  layer_norm,                // x (..., C), weight (C), bias (C)
  matmul,                    // x (..., I), weight (O, I), or (I, O): weight_layout
  add_bias,                  // x (..., O), bias (O)
  rotary,                    // x (B, T, h*hd), cos (T, r/2), sin (T, r/2); head_dim, 0 for r
  attention,                 // q, k, v, or with slopes (h) behind
  attention_lse,             // q, k, or with slopes behind
  swiglu,                    // gate, up
  gelu,                      // x; form
  relu,                      // x
  product,                   // a, b
  soft_cap,                  // x; cap
  sigmoid,                   // x
  add,                       // a, b
  split,                     // x (..., h*F), F the sum of parts -> (..., h*parts[part])
  join,                      // x_k (..., h*parts[k])... -> (..., h*F)
  repeat_heads,              // x (..., p); extent = h -> (..., h*p)
  sum_heads,                 // x (..., h*p); head_dim = p -> (..., p)
  route_selected,            // logits (..., E), or scores and a correction (E); experts_per_token =
                             // k, expert_groups -> (..., k)
  route_weights,             // the same; k, expert_groups, route, factor -> (..., k)
  moe_dispatch,              // x (..., C), selected (..., k); part = e of experts, extent = rows of
                             // each group -> (groups * rows, C)
  moe_combine,               // selected, weights, (groups * rows, C)... -> (..., C)
  cross_entropy,             // logits (B, T, V), labels (B, T) -> (groups): mean loss of each group
  cross_entropy_backward,    // logits, labels, or with a loss scale; factor = grad_scale
  squared_error,             // as cross_entropy
  squared_error_backward,    // as cross_entropy_backward
  matmul_backward_input,     // dy (..., O), weight (O, I) or (I, O)
  matmul_backward_weight,    // dy (..., O), x (..., I) -> (groups, O, I) or (groups, I, O)
  bias_backward,             // dy (..., O) -> (groups, O)
  rms_norm_backward_input,   // dy, x, weight
  rms_norm_backward_weight,  // dy, x -> (groups, C); extent = the weight's width, 0 for C
  layer_norm_backward_input,   // dy, x, weight
  layer_norm_backward_weight,  // dy, x -> (groups, C)
  rotary_backward,             // dy, cos, sin
  attention_backward_q,        // dout, q, k, v, o, lse, or with slopes behind
  attention_backward_k,
  attention_backward_v,
  swiglu_backward_gate,          // dy, gate, up
  swiglu_backward_up,            // dy, gate, up
  gelu_backward,                 // dy, x; form
  relu_backward,                 // dy, x
  soft_cap_backward,             // dy, x; cap
  sigmoid_backward,              // dy, x
  embedding_backward,            // dy (B, T, C), tokens (B, T); extent = V -> (groups, V, C), row
                                 // `padding` zero
  route_backward,                // dweights, logits or scores, selected; route, factor -> like them
  moe_dispatch_backward,         // selected, (groups * rows, C)... -> (..., C)
  moe_combine_backward_weights,  // dy, selected, (groups * rows, C)... -> like selected
  moe_combine_backward_rows,     // dy, selected, weights; part, experts, extent as moe_dispatch
  scale,                         // x; factor
  divide,                        // x; factor = divisor
  multiply,                      // x, scalar
  negate,                        // x
  sum,                           // x (n, ...): sum over the leading axis, order unknown
  mean,              // x (n, ...): sum over the leading axis / n, rounded as mean_form says
  nonfinite,         // x...: 1 if any element of any argument is inf or NaN
  sum_of_squares,    // x...: over all elements of all arguments
  square_root,       // x, or with a loss scale to divide by
  clip_factor,       // norm, or with a loss scale; factor = clip, 0 for none
  exp_avg,           // m, g; factor = beta1
  exp_avg_sq,        // v, g; factor = beta2
  adamw,             // p, m', v', lr, c1, c2; eps, weight_decay
  torch_exp_avg,     // m, g; factor = beta1
  torch_exp_avg_sq,  // v, g; factor = beta2
  torch_adamw,       // p, m', v', lr, c1, root of c2; eps, weight_decay
  torch_decay,       // g, p; factor = weight decay
  decay,             // g, p; factor = weight decay
  momentum,          // g, buffer; factor = momentum
  nesterov,          // g, buffer'; factor = momentum
  sgd,               // p, g, lr
};

/// A dense tensor in fp64, row-major: recorded bits decoded, which is exact.
struct Operand {
  Shape shape;
  std::span<const double> values;
};

/// Element by element: f, the bound b on everything before the last rounding, and the oracle's own
/// error e (bounds-annex.md). A recorded r passes iff RN(f - b - e) <= r <= RN(f + b + e).
/// bound and error are empty when they are zero everywhere: the unit is then bitwise.
struct UnitResult {
  Shape shape;
  std::vector<double> value;
  std::vector<double> bound;
  std::vector<double> error;
  /// False: no sound bound exists here (the unit is `unknown`). In a step that is skipped the
  /// bounds that are finite hold all the same, of what is finite.
  bool sound = true;
  /// Elements of which an accumulator, a partial or a hop may leave the range of its format
  /// although f does not: inf and NaN are accepted there too, in a step that is skipped. Empty:
  /// none.
  std::vector<bool> may_overflow = {};
  bool finite_arguments = true;  // false: some argument has an inf or a NaN
};

/// Throws InvariantError on arguments that do not fit the kind.
UnitResult replay(UnitKind kind, const UnitAttributes& attributes, const UnitPrecision& precision,
                  std::span<const Operand> arguments);

const char* name_of(UnitKind kind);

}  // namespace shardproof::reference
