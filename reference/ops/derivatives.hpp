#pragma once

#include <cstdint>
#include <optional>

#include "reference/ops/tensor.hpp"
#include "scenarios/op_forms.hpp"

/// The vector-Jacobian products of the forward ops, one plain function each: from the gradient of
/// the loss with respect to an op's output (dy) to the gradient with respect to one of its inputs.
/// Each is derived from the definition in ops.hpp and shares no formula with the engine.
///
/// Gradients of weights are kept apart by batch group: the leading (batch) extent is cut into
/// `groups` equal parts, and the result has a leading axis of that many. Shapes as in ops.hpp.
/// Those of the matrix product stand in matmul.hpp.
namespace shardproof::reference {

/// dy (B, T, C), tokens (B, T) -> (groups, V, C). The row of `padding` is a constant: it has none.
Tensor embedding_vjp_weight(const Tensor& dy, const Tokens& tokens, std::int64_t vocabulary,
                            std::int64_t groups,
                            std::optional<std::int64_t> padding = std::nullopt);

/// dy and x (..., C), weight (C), or of a width that divides C -> like x.
Tensor rms_norm_vjp_input(const Tensor& dy, const Tensor& x, const Tensor& weight, double eps,
                          double offset = 0);
/// -> (groups, width); width 0: all C features.
Tensor rms_norm_vjp_weight(const Tensor& dy, const Tensor& x, double eps, std::int64_t groups,
                           std::int64_t width = 0);

/// dy and x (..., C), weight (C) -> like x.
Tensor layer_norm_vjp_input(const Tensor& dy, const Tensor& x, const Tensor& weight, double eps);
/// -> (groups, C). The gradient of the bias is bias_vjp.
Tensor layer_norm_vjp_weight(const Tensor& dy, const Tensor& x, double eps, std::int64_t groups);

/// dy (..., O) -> (groups, O).
Tensor bias_vjp(const Tensor& dy, std::int64_t groups);

/// The transposed rotation. dy (B, T, h*hd), tables (T, r/2) -> like dy.
Tensor rotary_vjp(const Tensor& dy, const Tensor& cos, const Tensor& sin,
                  const RotaryForm& form = {});

struct AttentionGradients {
  Tensor q, k, v;
};
/// dout (B, T, h*vd), q (B, T, h*hd), k (B, T, hk*hd), v (B, T, hk*vd), slopes (h) or none, which
/// have no gradient. The probabilities P are computed again from q
/// and k:
///   dV = P^T dO,  dP = dO V^T,  dS = P (dP - rowsum(P dP)),  dQ = dS K scale,  dK = dS^T Q scale,
/// and with a cap dS / cosh(S / cap)^2 instead of dS.
AttentionGradients attention_vjp(const Tensor& dout, const Tensor& q, const Tensor& k,
                                 const Tensor& v, const AttentionForm& form,
                                 const Tensor* slopes = nullptr);
AttentionGradients attention_vjp(const Tensor& dout, const Tensor& q, const Tensor& k,
                                 const Tensor& v, std::int64_t head_dim);

struct SwigluGradients {
  Tensor gate, up;
};
SwigluGradients swiglu_vjp(const Tensor& dy, const Tensor& gate, const Tensor& up);

/// The derivative of each form, BLOOM's as published.
Tensor gelu_vjp(const Tensor& dy, const Tensor& x, GeluForm form);

/// dy and x -> like x: dy where x is above 0; at 0 itself the derivative is 0.
Tensor relu_vjp(const Tensor& dy, const Tensor& x);

/// dy and x -> like x: dy * sigmoid(x) * (1 - sigmoid(x)).
Tensor sigmoid_vjp(const Tensor& dy, const Tensor& x);
/// dy and x -> like x: dy / cosh(x / cap)^2.
Tensor soft_cap_vjp(const Tensor& dy, const Tensor& x, double cap);

/// The parts of a split and a join: zero outside part k, and part k. dy like the output; `shape` is
/// that of x.
Tensor split_vjp(const Tensor& dy, const Shape& shape, const std::vector<std::int64_t>& parts,
                 std::size_t k);
Tensor join_vjp(const Tensor& dy, const std::vector<std::int64_t>& parts, std::size_t k);
/// dy (..., h*p) -> (..., p), the sum over the heads.
Tensor repeat_heads_vjp(const Tensor& dy, std::int64_t heads);

/// dloss (groups), logits (B, T, V), labels (B, T) -> like logits:
/// dloss[group] / valid * (softmax(logits) - onehot(label)); zero where the label is ignored.
Tensor cross_entropy_vjp(const Tensor& dloss, const Tensor& logits, const Tokens& labels);
Tensor squared_error_vjp(const Tensor& dloss, const Tensor& logits, const Tokens& labels);

}  // namespace shardproof::reference
