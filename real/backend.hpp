#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "scenarios/dtype.hpp"
#include "scenarios/op_forms.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::real {

/// A dense row-major tensor in a backend's memory. Does not own.
struct TensorView {
  Dtype dtype = Dtype::fp32;
  Shape shape;
  std::byte* data = nullptr;

  std::int64_t elements() const { return element_count(shape); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_bytes(dtype); }
};

/// What a device computes, op by op. The executor knows nothing of kernels, a backend nothing of
/// plans, ranks or groups. Every kernel reads its inputs, computes in the compute dtype of the
/// policy (fp64 for fp64 tensors, else fp32) and rounds once when it stores, unless the row says
/// otherwise.
///
/// A method may return before the device has finished; work of one stream runs in order;
/// `synchronize` waits for all of it. T tokens a sequence, B sequences, C hidden, h heads, hd head
/// dimension. "working" is the dtype of the activations.
class Backend {
 public:
  using View = const TensorView&;
  virtual ~Backend() = default;

  // Memory. Blocks are aligned to 64 bytes at least.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  virtual void release(std::byte* block, std::size_t bytes) = 0;
  virtual void copy_from_host(std::span<const std::byte> host, View to) = 0;
  virtual void copy_to_host(View from, std::span<std::byte> host) = 0;
  virtual void synchronize() = 0;
  /// Hash over fixed kernel results: two machines with one fingerprint compute the same bits.
  virtual std::string fingerprint() = 0;

  // Data movement: bits unchanged.
  virtual void copy(View x, View y) = 0;
  virtual void zero(View y) = 0;
  virtual void cast(View x, View y) = 0;  // one rounding to y's dtype

  // Forward.
  /// cos, sin (T, r/2): angle = position * f_i in fp64, its cosine rounded once; f_i =
  /// theta^(-2i/r), scaled as RotaryFrequencies says.
  virtual void rotary_table(View cos, View sin, const RotaryFrequencies& frequencies) = 0;
  /// Those of `heads` heads of ALiBi that begin at head `first`, in fp64, each rounded once:
  /// Press et al. 2022, arXiv:2108.12409, section 3, and its code for other numbers than 2^k.
  virtual void alibi_slopes(std::int64_t heads, std::int64_t first, View slopes) = 0;
  /// tokens, labels (B, T) int64: labels[b][t] = tokens[b][t+1]; the last one is -100 (ignored),
  /// and so is a label that is `padding`.
  virtual void shift_labels(View tokens, View labels,
                            std::optional<std::int64_t> padding = std::nullopt) = 0;
  /// (B, T) int64: 0, 1, ..., T - 1 in each row.
  virtual void positions(View y) = 0;
  /// weight (V, C), tokens (B, T) -> y (B, T, C). A token outside [0, V) is an InvariantError.
  virtual void embedding(View weight, View tokens, View y) = 0;
  /// x (..., C), weight (C): y = x * (mean(x^2) + eps)^(-1/2) * weight. A weight (hd) of a width
  /// that divides C norms each stretch of hd features by itself: heads (Qwen3).
  virtual void rms_norm(View x, View weight, View y, double eps) = 0;
  /// x (..., C), weight and bias (C): y = (x - mu) * R * weight + bias, mu = mean(x) and
  /// R = (mean((x - mu)^2) + eps)^(-1/2). Ba et al. 2016, arXiv:1607.06450.
  virtual void layer_norm(View x, View weight, View bias, View y, double eps) = 0;
  /// x (..., I), weight (O, I) -> y (..., O) = x weight^T. In the layout in_out, here and in the two
  /// gradients, the weight is (I, O) and not transposed.
  virtual void matmul(View x, View weight, View y, WeightLayout layout = WeightLayout::out_in) = 0;
  /// y = x + bias, bias (O) along the last dimension.
  virtual void add_bias(View x, View bias, View y) = 0;
  /// x (B, T, h*hd), the first r elements of each head, r twice the tables' width, rotated by pairs
  /// (i, i + r/2) or (2i, 2i + 1): Su et al. 2021, arXiv:2104.09864, eq. 34.
  /// (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin); `inverse` rotates back (sin -> -sin).
  virtual void rotary(View x, View cos, View sin, View y, const RotaryForm& form, bool inverse) = 0;
  /// Causal grouped-query attention over the keys that the form's window shows. q (B, T, h*hd),
  /// k (B, T, hk*hd), v (B, T, hk*vd), o (B, T, h*vd); lse (B, h, T) in the compute dtype:
  /// log-sum-exp of the scores. score = scale * (q . k), plus slope * (position of the key) where
  /// slopes (h) are given; h = hk then.
  virtual void attention(View q, View k, View v, const TensorView* slopes, View o, View lse,
                         const AttentionForm& form) = 0;
  /// y = gate * sigmoid(gate) * up.
  virtual void swiglu(View gate, View up, View y) = 0;
  /// y = x Phi(x), in one of its published forms (scenarios/op_forms.hpp).
  virtual void gelu(View x, View y, GeluForm form) = 0;
  virtual void add(View a, View b, View y) = 0;
  /// x (..., h*F), F the sum of `parts` -> outputs[k] (..., h*parts[k]): of each stretch of F features
  /// the k-th part. Bits are moved. h = 1: x is its outputs one after another.
  virtual void split(View x, std::span<const TensorView> outputs,
                     std::span<const std::int64_t> parts) = 0;
  /// The inverse.
  virtual void join(std::span<const TensorView> inputs, View y,
                    std::span<const std::int64_t> parts) = 0;
  /// x (..., p) -> y (..., h*p): the same features for every head. Bits are moved.
  virtual void repeat_heads(View x, View y) = 0;
  /// x (..., h*p) -> y (..., p): the sum over the heads, first to last; of none it is zero.
  virtual void sum_heads(View x, View y) = 0;
  /// logits (..., E) -> selected (..., k) int64, weights (..., k): the k largest logits, descending, of
  /// equal ones the lowest expert first; NaN is the smallest of all. `factor` multiplies the weights
  /// of the form "scaled".
  virtual void route(View logits, View selected, View weights, RouteForm form, double factor) = 0;
  /// x (..., C), selected (..., k) -> rows[e] (rows_e, C): the tokens that chose expert e. Bits are moved.
  /// An expert outside [0, E), or of another number of tokens than it has rows, is an InvariantError.
  virtual void moe_dispatch(View x, View selected, std::span<const TensorView> rows,
                            ExpertRows order) = 0;
  /// The inverse: y (..., C), of each token the sum of its experts' rows times their weights, in the
  /// order of the experts.
  virtual void moe_combine(View selected, View weights, std::span<const TensorView> rows, View y,
                           ExpertRows order) = 0;
  /// logits (B, T, V), labels (B, T) -> loss (1) in the compute dtype: mean over labels >= 0.
  virtual void cross_entropy(View logits, View labels, View loss) = 0;

  // Backward.
  /// dlogits = grad_scale / valid * loss_scale * (softmax(logits) - onehot(label)), the coefficient in
  /// the compute dtype; rows with label < 0 are 0. loss_scale (1), or nullptr for none.
  virtual void cross_entropy_backward(View logits, View labels, const TensorView* loss_scale,
                                      View dlogits, double grad_scale) = 0;
  /// dx = dy weight.
  virtual void matmul_backward_input(View dy, View weight, View dx,
                                     WeightLayout layout = WeightLayout::out_in) = 0;
  /// dweight = dy^T x.
  virtual void matmul_backward_weight(View dy, View x, View dweight,
                                      WeightLayout layout = WeightLayout::out_in) = 0;
  virtual void bias_backward(View dy, View dbias) = 0;  // sum over all leading dims
  virtual void rms_norm_backward_input(View dy, View x, View weight, View dx, double eps) = 0;
  virtual void rms_norm_backward_weight(View dy, View x, View dweight, double eps) = 0;
  virtual void layer_norm_backward_input(View dy, View x, View weight, View dx, double eps) = 0;
  virtual void layer_norm_backward_weight(View dy, View x, View dweight, double eps) = 0;
  /// From recorded o and lse; D = rowsum(do * o), as in Dao et al. 2022, arXiv:2205.14135, B.4.
  virtual void attention_backward(View dout, View q, View k, View v, View o, View lse,
                                  const TensorView* slopes, View dq, View dk, View dv,
                                  const AttentionForm& form) = 0;
  virtual void swiglu_backward(View dy, View gate, View up, View dgate, View dup) = 0;
  virtual void gelu_backward(View dy, View x, View dx, GeluForm form) = 0;
  /// dy (B, T, C), tokens (B, T) -> dweight (V, C): rows added in the order of the tokens.
  virtual void embedding_backward(View dy, View tokens, View dweight) = 0;
  virtual void route_backward(View dweights, View logits, View selected, View dlogits,
                              RouteForm form, double factor) = 0;
  /// dx: of each token the sum of what its experts' rows are given back, in the order of the experts.
  virtual void moe_dispatch_backward(View selected, std::span<const TensorView> drows, View dx,
                                     ExpertRows order) = 0;
  virtual void moe_combine_backward(View dy, View selected, View weights,
                                    std::span<const TensorView> rows, View dweights,
                                    std::span<const TensorView> drows, ExpertRows order) = 0;

  // Gradients and optimizer. Scalars are one-element tensors.
  /// `factor` is rounded to the compute dtype first.
  virtual void scale(View x, View y, double factor) = 0;
  virtual void divide(View x, View y, double divisor) = 0;
  virtual void multiply(View x, View scalar, View y) = 0;
  virtual void negate(View x, View y) = 0;
  /// flag = 1 if any element of any tensor is inf or NaN, else 0. flag fp32 (1).
  virtual void nonfinite(std::span<const TensorView> tensors, View flag) = 0;
  /// Element ranges of a tensor.
  struct Ranges {
    TensorView x;
    std::vector<std::int64_t> begin_end_pairs;
  };
  /// total (1) fp64 = sum of x[i]^2 over the ranges of all tensors, in fp64, in order.
  virtual void sum_of_squares(std::span<const Ranges> parts, View total) = 0;
  /// y = sqrt(x), divided by the loss scale if there is one, in fp64, rounded once to y.
  virtual void square_root(View x, const TensorView* loss_scale, View y) = 0;
  /// factor = 1 / (max((norm + 1e-6) / clip, 1) * loss_scale), in fp64, rounded once (spec-autotp
  /// 7.8). With clip 0 nothing is clipped: 1 / loss_scale.
  virtual void clip_factor(View norm, const TensorView* loss_scale, View factor, double clip) = 0;
  /// m <- RN(RN(b1 m) + RN((1-b1) g)), each coefficient computed in fp64 and rounded once.
  virtual void exp_avg(View m, View g, View m_out, double beta1) = 0;
  /// v <- RN(RN(b2 v) + RN(RN((1-b2) g) g)).
  virtual void exp_avg_sq(View v, View g, View v_out, double beta2) = 0;
  /// Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, DeepSpeed's form (spec-autotp 7.5):
  /// p <- p - lr * ((m / c1) / (sqrt(v / c2) + eps) + wd * p), every operation rounded to the
  /// compute dtype. lr, c1 = 1 - beta1^k and c2 = 1 - beta2^k are one-element tensors.
  virtual void adamw(View p, View m, View v, View lr, View c1, View c2, View p_out, double eps,
                     double weight_decay) = 0;
  /// y = RN(a + RN(factor b)), the factor rounded to the compute dtype first.
  virtual void add_scaled(View a, View b, View y, double factor) = 0;
  /// p <- RN(p - RN(lr g)); lr is a one-element tensor.
  virtual void sgd(View p, View g, View lr, View p_out) = 0;
  /// out (2) fp64: the halves of the hash of the bytes of x (scenarios/trace/tensor_hash.hpp),
  /// each below 2^32.
  virtual void checksum(View x, View out) = 0;
  /// flag = 1 if the bytes of a and b differ, else 0. a, b alike; flag fp32 (1).
  virtual void differ(View a, View b, View flag) = 0;
};

}  // namespace shardproof::real
