#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "real/tensor_view.hpp"
#include "scenarios/op_forms.hpp"
#include "scenarios/plan/op_kinds.hpp"

namespace shardproof::real {

class Device;

/// Work of one stream runs in the order in which it was asked for; between the two only events
/// order anything.
enum class Stream { compute, communication };

/// What the kernels of some kinds need beyond their tensors. Those of a kind's row below are set,
/// the others say nothing.
struct KernelAttributes {
  /// Elements [begin, end) of a tensor.
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  double eps = 0;
  double offset = 0;
  double cap = 0;
  double factor = 1;
  double divisor = 1;
  double grad_scale = 1;
  double clip = 0;
  double beta = 0;
  double weight_decay = 0;
  RotaryFrequencies frequencies = {};
  RotaryForm rotary = {};
  AttentionForm attention = {};
  GeluForm gelu = GeluForm::erf;
  RouteForm route = RouteForm::renormalized;
  ExpertGroups expert_groups = {};
  ExpertRows expert_rows = ExpertRows::by_choice;
  WeightLayout weight_layout = WeightLayout::out_in;
  std::vector<std::int64_t> parts = {};
  std::optional<std::int64_t> padding = std::nullopt;  // of labels and of an embedding's gradient
  std::int64_t heads = 0;                              // of ALiBi, in the whole model
  std::int64_t first_head = 0;                         // of those that are asked for
  std::vector<std::vector<Range>> ranges = {};         // by input
};

/// One call of a kernel: an op of a plan, or a part of one. Kernels know nothing of plans, ranks or
/// groups.
struct KernelCall {
  std::vector<TensorView> inputs = {};
  std::vector<TensorView> outputs = {};
  KernelAttributes attributes = {};
  Stream stream = Stream::compute;
  std::int64_t tag = 0;  // the caller's name for this call; a KernelError gives it back

  const TensorView& in(std::size_t i) const { return inputs.at(i); }
  const TensorView& out(std::size_t i = 0) const { return outputs.at(i); }
  bool has_input(std::size_t i) const { return i < inputs.size(); }
  std::span<const TensorView> inputs_from(std::size_t i) const {
    return std::span(inputs).subspan(i);
  }
  std::span<const TensorView> outputs_from(std::size_t i) const {
    return std::span(outputs).subspan(i);
  }
};

/// Every kernel reads its inputs, computes in the compute dtype of the policy (fp64 for fp64
/// tensors, else fp32) and rounds once when it stores, unless its row says otherwise. It throws
/// InvariantError for shapes and dtypes that have no meaning for it, which are known when it is
/// called; of numbers that have none (a token outside the vocabulary) it tells the device's error
/// word, and what its outputs are then is not defined. It may return before the device has done the
/// work.
///
/// T tokens a sequence, B sequences, C hidden, h heads, hd head dimension, V vocabulary, E experts.
/// Scalars are one-element tensors. [x]: may be missing.
///
/// Tables and tokens
///   rotary_table   () -> cos, sin (T, r/2): angle = position * f_i in fp64, its cosine rounded
///                  once; f_i = theta^(-2i/r), scaled as `frequencies` says
///   alibi_slopes   () -> slopes: those of `heads` heads of ALiBi from head `first_head` on, in
///                  fp64, each rounded once: Press et al. 2022, arXiv:2108.12409, section 3, and
///                  its code for other numbers than 2^k
///   shift_labels   tokens (B, T) -> labels (B, T) int64: labels[b][t] = tokens[b][t+1]; the last
///                  one is -100 (ignored), and so is a label that is `padding`
///   positions      (B, T) -> (B, T) int64: 0, 1, ..., T - 1 in each row, and `offset` to each
///   embedding      weight (V, C), tokens (B, T) -> y (B, T, C); a token outside [0, V) is an error
/// Forward
///   rms_norm       x (..., C), weight (C) -> y = x * (mean(x^2) + eps)^(-1/2) * (offset + weight).
///                  A weight (hd) of a width that divides C norms each stretch of hd features by
///                  itself: heads (Qwen3). The offset is 1 in Gemma, else 0
///   layer_norm     x (..., C), weight and bias (C) -> y = (x - mu) * R * weight + bias, mu =
///                  mean(x), R = (mean((x - mu)^2) + eps)^(-1/2). Ba et al. 2016, arXiv:1607.06450
///   matmul         x (..., I), weight (O, I) -> y (..., O) = x weight^T. In the layout in_out,
///                  here and in the two gradients, the weight is (I, O) and not transposed
///   add_bias       x, bias (O) -> y = x + bias, along the last dimension
///   rotary         x (B, T, h*hd), cos, sin -> y: the first r elements of each head, r twice the
///                  tables' width, rotated by pairs (i, i + r/2) or (2i, 2i + 1): Su et al. 2021,
///                  arXiv:2104.09864, eq. 34. (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin)
///   attention      q (B, T, h*hd), k (B, T, hk*hd), v (B, T, hk*vd), [slopes (h)] -> o (B, T,
///                  h*vd), lse (B, h, T): causal grouped-query attention over the keys that the
///                  form's window shows; lse, in the compute dtype, the log-sum-exp of the scores.
///                  score = scale * (q . k), capped where the form has a cap, plus slope *
///                  (position of the key) where slopes are given; h = hk then
///   swiglu         gate, up -> y = gate * sigmoid(gate) * up
///   gelu           x -> y = x Phi(x), in one of its published forms (scenarios/op_forms.hpp)
///   relu           x -> y = x where it is above 0 or NaN, else 0
///   product        a, b -> y = a b, element by element
///   soft_cap       x -> y = cap * tanh(x / cap)
///   sigmoid        x -> y = 1 / (1 + exp(-x))
///   add            a, b -> y
///   split          x (..., h*F), F the sum of `parts` -> outputs[k] (..., h*parts[k]): of each
///                  stretch of F features the k-th part. Bits are moved. h = 1: x is its outputs
///                  one after another
///   join           the inverse
///   repeat_heads   x (..., p) -> y (..., h*p): the same features for every head. Bits are moved
///   sum_heads      x (..., h*p) -> y (..., p): the sum over the heads; of none it is zero
///   route          logits or scores (..., E), [correction (E)] -> selected (..., k) int64, weights
///                  (..., k): the k largest, descending, of equal ones the lowest expert first; NaN
///                  is the smallest of all. The correction is added to what is compared, not to
///                  what the weights are computed of, and groups of experts that are not kept count
///                  as 0: each such sum is rounded to the compute dtype. `factor` multiplies the
///                  weights of all forms but "renormalized" (scenarios/op_forms.hpp)
///   moe_dispatch   x (..., C), selected (..., k) -> rows[e] (rows_e, C): the tokens that chose
///                  expert e. Bits are moved. An expert outside [0, E), or of another number of
///                  tokens than it has rows, is an error
///   moe_combine    selected, weights, rows[e] ... -> y (..., C): the inverse, of each token the
///                  sum of its experts' rows times their weights, in the order of the experts
///   cross_entropy  logits (B, T, V), labels (B, T) -> loss (1) in the compute dtype: mean over
///                  labels >= 0; a label of V or more is an error
///   squared_error  logits, labels -> loss (1) in the compute dtype: half the sum over the
///                  vocabulary of (logits - onehot(label))^2, its mean over labels >= 0
/// Backward
///   cross_entropy_backward      logits, labels, [loss_scale (1)] -> dlogits = grad_scale / valid *
///                  loss_scale * (softmax(logits) - onehot(label)), the coefficient in the compute
///                  dtype; rows with label < 0 are 0
///   squared_error_backward      the same of squared_error: softmax(logits) is logits
///   matmul_backward_input       dy, weight -> dx = dy weight
///   matmul_backward_weight      dy, x -> dweight = dy^T x
///   bias_backward               dy -> dbias: the sum over all leading dimensions
///   rms_norm_backward_input     dy, x, weight -> dx;   layer_norm_backward_input: the same
///   rms_norm_backward_weight    dy, x -> dweight;      layer_norm_backward_weight: the same
///   rotary_backward             dy, cos, sin -> dx: rotates back (sin -> -sin)
///   attention_backward          do, q, k, v, o, lse, [slopes] -> dq, dk, dv, from the recorded o
///                  and lse; D = rowsum(do * o), as in Dao et al. 2022, arXiv:2205.14135, B.4
///   swiglu_backward             dy, gate, up -> dgate, dup
///   gelu_backward               dy, x -> dx
///   relu_backward               dy, x -> dx = dy where x is above 0 or NaN, else 0
///   soft_cap_backward           dy, x -> dx = dy * (1 - tanh(x / cap)^2)
///   sigmoid_backward            dy, x -> dx = dy * (y * (1 - y)), y = sigmoid(x)
///   embedding_backward          dy (B, T, C), tokens (B, T) -> dweight (V, C); row `padding` is 0
///   route_backward              dweights, logits or scores, selected -> their gradient
///   moe_dispatch_backward       selected, drows[e] ... -> dx: of each token the sum of what its
///                  experts' rows are given back, in the order of the experts
///   moe_combine_backward        dy, selected, weights, rows[e] ... -> dweights, drows[e] ...
///   accumulate                  a, b -> a + b, in the place of a
/// Gradients and optimizer
///   cast           x -> y: one rounding to y's dtype
///   scale, divide  x -> x * factor, x / divisor, either rounded to the compute dtype first
///   multiply       x, scalar -> x * scalar
///   negate         x -> -x
///   nonfinite      x ... -> flag fp32 (1): 1 if any element of any tensor is inf or NaN, else 0
///   sum_of_squares x ... -> total (1) fp64: in fp64 the sum of x[i]^2 over the `ranges` of all
///   square_root    x, [loss_scale] -> sqrt(x), divided by the loss scale, in fp64, rounded once
///   clip_factor    norm, [loss_scale] -> 1 / (max((norm + 1e-6) / clip, 1) * loss_scale), in fp64,
///                  rounded once (spec-autotp 7.8). With clip 0 nothing is clipped: 1 / loss_scale
///   exp_avg        m, g -> RN(RN(beta m) + RN((1 - beta) g)), each coefficient computed in fp64
///                  and rounded once
///   exp_avg_sq     v, g -> RN(RN(beta v) + RN(RN((1 - beta) g) g))
///   adamw          p, m, v, lr, c1, c2 -> p - lr * ((m / c1) / (sqrt(v / c2) + eps) + weight_decay
///                  * p), every operation rounded to the compute dtype; c1 = 1 - beta1^k, c2 = 1 -
///                  beta2^k. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, DeepSpeed's
///                  form (spec-autotp 7.5)
///   decay, momentum, nesterov   a, b -> RN(a + RN(factor b)), the factor rounded first
///   sgd            p, g, lr -> RN(p - RN(lr g))
///   torch_exp_avg, torch_exp_avg_sq, torch_adamw, torch_decay: the same functions as torch rounds
///                  them, with fma(a, b, c) = RN(a b + c). Every coefficient is computed in fp64,
///                  and the scalars are fp64, for it
///     torch_exp_avg     m, g, w = RN(1 - beta) -> fma(w, RN(g - m), m) where w < 1/2, else
///                       fma(RN(w - 1), RN(g - m), g)
///     torch_exp_avg_sq  v, g -> fma(RN((1 - beta) g), g, RN(beta v))
///     torch_adamw       p, m, v, lr, c1, root of c2 -> RN(p (1 - lr weight_decay)) + RN(RN((-lr /
///                       c1) m) / (sqrt(v) / root + eps))
///     torch_decay       g, p -> fma(factor, p, g)
///   checksum       x -> (2) fp64: the halves of a hash over the bytes of x, each below 2^32:
///                  real/checksum.hpp
///   differ         a, b -> flag fp32 (1): 1 if their bytes differ, else 0
using Kernel = void (*)(Device& device, const KernelCall& call);

struct KernelRow {
  OpKind kind;
  Kernel kernel;
};

/// The kernels of a device, by what they compute.
class KernelTable {
 public:
  /// One list for each file of kernels. Throws InvariantError if two of them are of one kind.
  explicit KernelTable(std::initializer_list<std::span<const KernelRow>> families);
  /// Null if the device cannot compute that.
  Kernel find(OpKind kind) const;

 private:
  std::vector<Kernel> by_kind_;
};

}  // namespace shardproof::real
