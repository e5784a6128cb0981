#pragma once

#include <cmath>
#include <cstdint>

#include "reference/gelu.hpp"
#include "reference/heads.hpp"
#include "reference/matmul.hpp"
#include "reference/tensor.hpp"

/// The forward mathematics of Llama, written from the definitions: simple loops, one function an
/// op, generic in the scalar so that dual numbers can run through the very same lines. B sequences
/// of T tokens, C hidden, h heads of hd elements (hk of keys and values), V vocabulary.
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

/// (mean(x^2) + eps)^(-1/2) of row `row`: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4, with eps.
template <class Scalar>
Scalar reciprocal_rms(const TensorOf<Scalar>& x, std::int64_t row, double eps) {
  using std::sqrt;
  const std::int64_t width = x.columns();
  Scalar squares = 0;
  for (std::int64_t c = 0; c < width; ++c) squares += x[row * width + c] * x[row * width + c];
  return Scalar(1) / sqrt(squares / Scalar(static_cast<double>(width)) + Scalar(eps));
}

/// x (..., C), weight (C): y = x * reciprocal_rms(x) * weight.
template <class Scalar>
TensorOf<Scalar> rms_norm(const TensorOf<Scalar>& x, const TensorOf<Scalar>& weight, double eps) {
  const std::int64_t width = x.columns();
  SHARDPROOF_EXPECTS(weight.size() == width, weight.size(), width);
  TensorOf<Scalar> y(x.shape);
  for (std::int64_t row = 0; row < x.rows(); ++row) {
    const Scalar r = reciprocal_rms(x, row, eps);
    for (std::int64_t c = 0; c < width; ++c)
      y[row * width + c] = x[row * width + c] * r * weight[c];
  }
  return y;
}

/// x (..., I), w (O, I) -> (..., O). For fp64 the overload in matmul.hpp is chosen.
template <class Scalar>
TensorOf<Scalar> matmul(const TensorOf<Scalar>& x, const TensorOf<Scalar>& w) {
  const std::int64_t inner = x.columns(), outer = w.rows();
  SHARDPROOF_EXPECTS(w.columns() == inner, w.columns(), inner);
  Shape shape = x.shape;
  shape.back() = outer;
  TensorOf<Scalar> y(shape);
  for (std::int64_t row = 0; row < x.rows(); ++row)
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i)
        y[row * outer + o] += x[row * inner + i] * w[o * inner + i];
  return y;
}

/// x (..., O), bias (O).
template <class Scalar>
TensorOf<Scalar> add_bias(TensorOf<Scalar> x, const TensorOf<Scalar>& bias) {
  SHARDPROOF_EXPECTS(bias.size() == x.columns(), bias.size(), x.columns());
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] += bias[i % x.columns()];
  return x;
}

/// cos and sin (T, hd/2) of the angles position * theta^(-2i/hd).
struct RotaryTables {
  Tensor cos;
  Tensor sin;
};
inline RotaryTables rotary_tables(std::int64_t positions, std::int64_t head_dim, double theta) {
  const std::int64_t pairs = head_dim / 2;
  RotaryTables tables{Tensor({positions, pairs}), Tensor({positions, pairs})};
  for (std::int64_t t = 0; t < positions; ++t)
    for (std::int64_t i = 0; i < pairs; ++i) {
      const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
      const double angle = static_cast<double>(t) * std::pow(theta, exponent);
      tables.cos[t * pairs + i] = std::cos(angle);
      tables.sin[t * pairs + i] = std::sin(angle);
    }
  return tables;
}

/// x (B, T, h*hd), cos and sin (T, hd/2). The pair (i, i + hd/2) of each head is turned by its
/// angle: Su et al. 2021, arXiv:2104.09864, eq. 34, in Hugging Face's pairing.
template <class Scalar>
TensorOf<Scalar> rotary(const TensorOf<Scalar>& x, const Tensor& cos, const Tensor& sin) {
  const std::int64_t pairs = cos.columns(), positions = x.shape[1], width = x.columns();
  SHARDPROOF_EXPECTS(cos.rows() == positions && width % (2 * pairs) == 0, to_string(x.shape),
                     to_string(cos.shape));
  TensorOf<Scalar> y(x.shape);
  for (std::int64_t row = 0; row < x.rows(); ++row)
    for (std::int64_t head = 0; head < width; head += 2 * pairs)
      for (std::int64_t i = 0; i < pairs; ++i) {
        const std::int64_t first = row * width + head + i, second = first + pairs;
        const std::int64_t angle = row % positions * pairs + i;
        y[first] = x[first] * Scalar(cos[angle]) - x[second] * Scalar(sin[angle]);
        y[second] = x[second] * Scalar(cos[angle]) + x[first] * Scalar(sin[angle]);
      }
  return y;
}

/// Where the elements of the heads lie. Query head j reads key and value head j / (h / hk).
struct AttentionShape {
  std::int64_t batch, positions, heads, key_heads, head_dim;

  AttentionShape(const Shape& q, const Shape& k, std::int64_t hd)
      : batch(q[0]), positions(q[1]), heads(q[2] / hd), key_heads(k[2] / hd), head_dim(hd) {
    SHARDPROOF_EXPECTS(q[2] % hd == 0 && k[2] % hd == 0 && heads % key_heads == 0 &&
                           k[0] == batch && k[1] == positions,
                       to_string(q), to_string(k), hd);
  }
  /// Offset of the hd elements of a query head at a position.
  std::int64_t query(std::int64_t b, std::int64_t t, std::int64_t head) const {
    return ((b * positions + t) * heads + head) * head_dim;
  }
  /// The same in k and v, for the head that *query* head `head` reads.
  std::int64_t key(std::int64_t b, std::int64_t t, std::int64_t head) const {
    return ((b * positions + t) * key_heads + head / (heads / key_heads)) * head_dim;
  }
  double scale() const { return 1.0 / std::sqrt(static_cast<double>(head_dim)); }
};

/// Softmax over keys 0..t of the scaled scores of one query, and their log-sum-exp.
template <class Scalar>
struct AttentionRow {
  std::vector<Scalar> probabilities;
  Scalar log_sum_exp;
};
template <class Scalar>
AttentionRow<Scalar> attention_row(const TensorOf<Scalar>& q, const TensorOf<Scalar>& k,
                                   const AttentionShape& shape, std::int64_t b, std::int64_t t,
                                   std::int64_t head) {
  using std::exp;
  using std::log;
  std::vector<Scalar> row(static_cast<std::size_t>(t + 1));
  for (std::int64_t key = 0; key <= t; ++key) {
    Scalar score = 0;
    for (std::int64_t d = 0; d < shape.head_dim; ++d)
      score += q[shape.query(b, t, head) + d] * k[shape.key(b, key, head) + d];
    row[static_cast<std::size_t>(key)] = score * Scalar(shape.scale());
  }
  Scalar largest = row[0];
  for (const Scalar& score : row)
    if (largest < score) largest = score;
  Scalar sum = 0;
  for (Scalar& score : row) {
    score = exp(score - largest);
    sum += score;
  }
  for (Scalar& weight : row) weight = weight / sum;
  return {std::move(row), largest + log(sum)};
}

template <class Scalar>
struct AttentionResult {
  TensorOf<Scalar> output;       // like q
  TensorOf<Scalar> log_sum_exp;  // (B, h, T)
};

/// Causal grouped-query attention: softmax(q k^T / sqrt(hd)) v over keys up to the query's
/// position. q (B, T, h*hd), k and v (B, T, hk*hd). Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
template <class Scalar>
AttentionResult<Scalar> attention(const TensorOf<Scalar>& q, const TensorOf<Scalar>& k,
                                  const TensorOf<Scalar>& v, std::int64_t head_dim) {
  const AttentionShape shape(q.shape, k.shape, head_dim);
  SHARDPROOF_EXPECTS(v.shape == k.shape, to_string(k.shape), to_string(v.shape));
  AttentionResult<Scalar> result{TensorOf<Scalar>(q.shape),
                                 TensorOf<Scalar>({shape.batch, shape.heads, shape.positions})};
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t head = 0; head < shape.heads; ++head)
      for (std::int64_t t = 0; t < shape.positions; ++t) {
        const AttentionRow<Scalar> row = attention_row(q, k, shape, b, t, head);
        for (std::int64_t key = 0; key <= t; ++key)
          for (std::int64_t d = 0; d < head_dim; ++d)
            result.output[shape.query(b, t, head) + d] +=
                row.probabilities[static_cast<std::size_t>(key)] * v[shape.key(b, key, head) + d];
        result.log_sum_exp[(b * shape.heads + head) * shape.positions + t] = row.log_sum_exp;
      }
  return result;
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

/// gate * sigmoid(gate) * up: Shazeer 2020, arXiv:2002.05202, eq. 5 (without its projections).
template <class Scalar>
TensorOf<Scalar> swiglu(const TensorOf<Scalar>& gate, const TensorOf<Scalar>& up) {
  SHARDPROOF_EXPECTS(gate.shape == up.shape, to_string(gate.shape), to_string(up.shape));
  TensorOf<Scalar> y(gate.shape);
  for (std::int64_t i = 0; i < y.size(); ++i) y[i] = gate[i] * sigmoid(gate[i]) * up[i];
  return y;
}

template <class Scalar>
TensorOf<Scalar> add(TensorOf<Scalar> a, const TensorOf<Scalar>& b) {
  SHARDPROOF_EXPECTS(a.shape == b.shape, to_string(a.shape), to_string(b.shape));
  for (std::int64_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

/// A label that no loss is computed for.
inline constexpr std::int64_t ignored_label = -100;

/// labels[b][t] = tokens[b][t + 1]: each position predicts the next token; the last one nothing.
inline Tokens shift_labels(const Tokens& tokens) {
  Tokens labels(tokens.shape);
  const std::int64_t positions = tokens.columns();
  for (std::int64_t i = 0; i < tokens.size(); ++i)
    labels[i] = i % positions + 1 < positions ? tokens[i + 1] : ignored_label;
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
  Scalar sum = 0;
  for (std::int64_t c = 0; c < width; ++c) sum += exp(x[row * width + c] - largest);
  return largest + log(sum);
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
    for (std::int64_t row = group * rows; row < (group + 1) * rows; ++row) {
      SHARDPROOF_EXPECTS(labels[row] < logits.columns(), "label", labels[row], "of",
                         logits.columns());
      if (labels[row] >= 0)
        loss[group] += log_sum_exp(logits, row) - logits[row * logits.columns() + labels[row]];
    }
    loss[group] = loss[group] / Scalar(valid);
  }
  return loss;
}

}  // namespace shardproof::reference
