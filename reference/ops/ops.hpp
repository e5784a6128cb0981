#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "reference/ops/attention.hpp"
#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/gelu.hpp"
#include "reference/ops/heads.hpp"
#include "reference/ops/matmul.hpp"
#include "reference/ops/norms.hpp"
#include "reference/ops/rotary.hpp"
#include "reference/ops/tensor.hpp"

/// The forward mathematics of the models, written from the definitions: simple loops, one function
/// an op, generic in the scalar so that dual numbers can run through the very same lines. B
/// sequences of T tokens, C hidden, h heads of hd elements (hk of keys and values), V vocabulary.
namespace shardproof::reference {

/// weight (V, C), tokens (B, T) -> (B, T, C). A token outside [0, V) is an InvariantError.
template <class Scalar>
TensorOf<Scalar> embedding(const TensorOf<Scalar>& weight, const Tokens& tokens) {
  const std::int64_t width = weight.columns();
  TensorOf<Scalar> y({tokens.shape[0], tokens.shape[1], width});
  for (std::int64_t i = 0; i < tokens.size(); ++i) {
    SHARDPROOF_EXPECTS(0 <= tokens[i] && tokens[i] < weight.rows(), "token", tokens[i], "of",
                       weight.rows());
    for (std::int64_t c = 0; c < width; ++c) y[i * width + c] = weight[tokens[i] * width + c];
  }
  return y;
}

/// x (..., I), w (O, I) or (I, O) -> (..., O). For fp64 the overload in matmul.hpp is chosen.
template <class Scalar>
TensorOf<Scalar> matmul(const TensorOf<Scalar>& x, const TensorOf<Scalar>& w,
                        WeightLayout layout = WeightLayout::out_in) {
  const bool out_in = layout == WeightLayout::out_in;
  const std::int64_t inner = x.columns(), outer = out_in ? w.rows() : w.columns();
  SHARDPROOF_EXPECTS((out_in ? w.columns() : w.rows()) == inner, to_string(w.shape), inner);
  Shape shape = x.shape;
  shape.back() = outer;
  TensorOf<Scalar> y(shape);
  for (std::int64_t row = 0; row < x.rows(); ++row)
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i)
        y[row * outer + o] += x[row * inner + i] * w[out_in ? o * inner + i : i * outer + o];
  return y;
}

/// x (..., O), bias (O).
template <class Scalar>
TensorOf<Scalar> add_bias(TensorOf<Scalar> x, const TensorOf<Scalar>& bias) {
  SHARDPROOF_EXPECTS(bias.size() == x.columns(), bias.size(), x.columns());
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] += bias[i % x.columns()];
  return x;
}

/// 1 / (1 + e^-x), for large |x| too.
template <class Scalar>
Scalar sigmoid(const Scalar& x) {
  using std::exp;
  if (x < Scalar(0)) {
    const Scalar power = exp(x);
    return power / (Scalar(1) + power);
  }
  return Scalar(1) / (Scalar(1) + exp(-x));
}

template <class Scalar>
TensorOf<Scalar> sigmoid(TensorOf<Scalar> x) {
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] = sigmoid(x[i]);
  return x;
}

/// gate * sigmoid(gate) * up: Shazeer 2020, arXiv:2002.05202, eq. 5 (without its projections).
template <class Scalar>
TensorOf<Scalar> swiglu(const TensorOf<Scalar>& gate, const TensorOf<Scalar>& up) {
  SHARDPROOF_EXPECTS(gate.shape == up.shape, to_string(gate.shape), to_string(up.shape));
  TensorOf<Scalar> y(gate.shape);
  for (std::int64_t i = 0; i < y.size(); ++i) y[i] = gate[i] * sigmoid(gate[i]) * up[i];
  return y;
}

/// x where it is above 0 (or NaN), else 0: Nair & Hinton 2010.
template <class Scalar>
TensorOf<Scalar> relu(TensorOf<Scalar> x) {
  for (std::int64_t i = 0; i < x.size(); ++i)
    if (x[i] < Scalar(0)) x[i] = Scalar(0);
  return x;
}

/// a b, element by element.
template <class Scalar>
TensorOf<Scalar> product(TensorOf<Scalar> a, const TensorOf<Scalar>& b) {
  SHARDPROOF_EXPECTS(a.shape == b.shape, to_string(a.shape), to_string(b.shape));
  for (std::int64_t i = 0; i < a.size(); ++i) a[i] = a[i] * b[i];
  return a;
}

template <class Scalar>
TensorOf<Scalar> scaled(TensorOf<Scalar> x, double factor) {
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] = x[i] * Scalar(factor);
  return x;
}

/// cap tanh(x / cap): Gemma Team 2024, arXiv:2408.00118, section 2.
template <class Scalar>
Scalar soft_cap(const Scalar& x, double cap) {
  using std::tanh;
  return Scalar(cap) * tanh(x / Scalar(cap));
}
template <class Scalar>
TensorOf<Scalar> soft_cap(TensorOf<Scalar> x, double cap) {
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] = soft_cap(x[i], cap);
  return x;
}

template <class Scalar>
TensorOf<Scalar> add(TensorOf<Scalar> a, const TensorOf<Scalar>& b) {
  SHARDPROOF_EXPECTS(a.shape == b.shape, to_string(a.shape), to_string(b.shape));
  for (std::int64_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

/// A label that no loss is computed for.
inline constexpr std::int64_t ignored_label = -100;

/// labels[b][t] = tokens[b][t + 1]: each position predicts the next token; the last one nothing,
/// and nobody predicts padding.
inline Tokens shift_labels(const Tokens& tokens,
                           std::optional<std::int64_t> padding = std::nullopt) {
  Tokens labels(tokens.shape);
  const std::int64_t positions = tokens.columns();
  for (std::int64_t i = 0; i < tokens.size(); ++i)
    labels[i] =
        i % positions + 1 < positions && tokens[i + 1] != padding ? tokens[i + 1] : ignored_label;
  return labels;
}

/// The labels >= 0 among those of one batch group.
inline std::int64_t valid_labels(const Tokens& labels, std::int64_t group, std::int64_t groups) {
  SHARDPROOF_EXPECTS(groups > 0 && labels.shape[0] % groups == 0, groups, to_string(labels.shape));
  const std::int64_t size = labels.size() / groups;
  std::int64_t count = 0;
  for (std::int64_t i = group * size; i < (group + 1) * size; ++i) count += labels[i] >= 0;
  return count;
}

/// max + log sum exp(x - max) of row `row`.
template <class Scalar>
Scalar log_sum_exp(const TensorOf<Scalar>& x, std::int64_t row) {
  using std::exp;
  using std::log;
  const std::int64_t width = x.columns();
  Scalar largest = x[row * width];
  for (std::int64_t c = 1; c < width; ++c)
    if (largest < x[row * width + c]) largest = x[row * width + c];
  CompensatedSum<Scalar> sum;
  for (std::int64_t c = 0; c < width; ++c) sum += exp(x[row * width + c] - largest);
  return largest + log(sum.value());
}

/// logits (B, T, V), labels (B, T) -> (groups): the mean of -log softmax(logits)[label] over the
/// valid labels of each batch group, a group being B / groups consecutive sequences.
template <class Scalar>
TensorOf<Scalar> cross_entropy(const TensorOf<Scalar>& logits, const Tokens& labels,
                               std::int64_t groups) {
  SHARDPROOF_EXPECTS(logits.rows() == labels.size(), logits.rows(), labels.size());
  TensorOf<Scalar> loss({groups});
  const std::int64_t rows = labels.size() / groups;
  for (std::int64_t group = 0; group < groups; ++group) {
    const auto valid = static_cast<double>(valid_labels(labels, group, groups));
    CompensatedSum<Scalar> sum;
    for (std::int64_t row = group * rows; row < (group + 1) * rows; ++row) {
      SHARDPROOF_EXPECTS(labels[row] < logits.columns(), "label", labels[row], "of",
                         logits.columns());
      if (labels[row] >= 0)
        sum += log_sum_exp(logits, row) - logits[row * logits.columns() + labels[row]];
    }
    loss[group] = sum.value() / Scalar(valid);
  }
  return loss;
}

/// The same of half the squared distances |logits - onehot(label)|^2.
template <class Scalar>
TensorOf<Scalar> squared_error(const TensorOf<Scalar>& logits, const Tokens& labels,
                               std::int64_t groups) {
  SHARDPROOF_EXPECTS(logits.rows() == labels.size(), logits.rows(), labels.size());
  TensorOf<Scalar> loss({groups});
  const std::int64_t rows = labels.size() / groups, width = logits.columns();
  for (std::int64_t group = 0; group < groups; ++group) {
    CompensatedSum<Scalar> sum;
    for (std::int64_t row = group * rows; row < (group + 1) * rows; ++row) {
      SHARDPROOF_EXPECTS(labels[row] < width, "label", labels[row], "of", width);
      if (labels[row] < 0) continue;
      for (std::int64_t c = 0; c < width; ++c) {
        const Scalar off = logits[row * width + c] - Scalar(c == labels[row] ? 1.0 : 0.0);
        sum += off * off / Scalar(2.0);
      }
    }
    loss[group] = sum.value() / Scalar(static_cast<double>(valid_labels(labels, group, groups)));
  }
  return loss;
}

}  // namespace shardproof::reference
