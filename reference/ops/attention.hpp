#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/tensor.hpp"
#include "scenarios/op_forms.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

/// Where the elements of the heads lie. Query head j reads key and value head j / (h / hk).
struct AttentionShape {
  std::int64_t batch, positions, heads, key_heads, head_dim, value_dim;
  AttentionForm form;

  AttentionShape(const Shape& q, const Shape& k, const AttentionForm& how)
      : batch(q[0]),
        positions(q[1]),
        heads(q[2] / how.head_dim),
        key_heads(k[2] / how.head_dim),
        head_dim(how.head_dim),
        value_dim(how.value_dim()),
        form(how) {
    const bool shared = key_heads > 0 ? heads % key_heads == 0 : heads == 0;
    SHARDPROOF_EXPECTS(q[2] % head_dim == 0 && k[2] % head_dim == 0 && shared && k[0] == batch &&
                           k[1] == positions,
                       to_string(q), to_string(k), head_dim);
  }
  Shape output() const { return {batch, positions, heads * value_dim}; }
  Shape values() const { return {batch, positions, key_heads * value_dim}; }
  /// Offset of the hd elements of a query head at a position.
  std::int64_t query(std::int64_t b, std::int64_t t, std::int64_t head) const {
    return ((b * positions + t) * heads + head) * head_dim;
  }
  /// The same in the output.
  std::int64_t out(std::int64_t b, std::int64_t t, std::int64_t head) const {
    return ((b * positions + t) * heads + head) * value_dim;
  }
  /// The same in k, and in v, for the head that *query* head `head` reads.
  std::int64_t key(std::int64_t b, std::int64_t t, std::int64_t head) const {
    return ((b * positions + t) * key_heads + head / (heads / key_heads)) * head_dim;
  }
  std::int64_t value(std::int64_t b, std::int64_t t, std::int64_t head) const {
    return ((b * positions + t) * key_heads + head / (heads / key_heads)) * value_dim;
  }
  /// Scale and window are AttentionForm's, written here once more: what the engine asks that for
  /// must not be what it is judged by.
  double scale() const {
    return form.scale > 0 ? form.scale : 1.0 / std::sqrt(static_cast<double>(head_dim));
  }
  /// Of the positions 0 ... t the last that a window lets it see begin here.
  std::int64_t first_seen(std::int64_t t) const {
    const std::int64_t seen = form.window == 0 ? t + 1 : std::min(form.window, t + 1);
    return t + 1 - seen;
  }
};

/// Softmax over the keys `first` ... t of the scores of one query, and their log-sum-exp. A score
/// is scale q.k, capped if the form has a cap, plus slope * (position of the key) with ALiBi:
/// Press et al. 2022, arXiv:2108.12409, counted from the first position as BLOOM does.
/// Counted from the query, as the paper does, every score of the row would be smaller by one
/// number: the softmax is the same, the log-sum-exp not.
template <class Scalar>
struct AttentionRow {
  std::int64_t first;
  std::vector<Scalar> probabilities;  // of keys first, first + 1, ...
  Scalar log_sum_exp;
};
template <class Scalar>
AttentionRow<Scalar> attention_row(const TensorOf<Scalar>& q, const TensorOf<Scalar>& k,
                                   const AttentionShape& shape, std::int64_t b, std::int64_t t,
                                   std::int64_t head, const Tensor* slopes = nullptr) {
  using std::exp;
  using std::log;
  using std::tanh;
  const std::int64_t first = shape.first_seen(t);
  const Scalar cap(shape.form.cap);
  std::vector<Scalar> row;
  for (std::int64_t key = first; key <= t; ++key) {
    CompensatedSum<Scalar> product;
    for (std::int64_t d = 0; d < shape.head_dim; ++d)
      product += q[shape.query(b, t, head) + d] * k[shape.key(b, key, head) + d];
    Scalar score = product.value() * Scalar(shape.scale());
    if (shape.form.cap > 0) score = cap * tanh(score / cap);
    if (slopes != nullptr) score += Scalar((*slopes)[head] * static_cast<double>(key));
    row.push_back(score);
  }
  Scalar largest = row[0];
  for (const Scalar& score : row)
    if (largest < score) largest = score;
  CompensatedSum<Scalar> powers;
  for (Scalar& score : row) {
    score = exp(score - largest);
    powers += score;
  }
  const Scalar sum = powers.value();
  for (Scalar& weight : row) weight = weight / sum;
  return {first, std::move(row), largest + log(sum)};
}

template <class Scalar>
struct AttentionResult {
  TensorOf<Scalar> output;       // (B, T, h*vd)
  TensorOf<Scalar> log_sum_exp;  // (B, h, T)
};

/// Causal grouped-query attention: softmax(scale q k^T) v over the keys up to the query's position
/// that its window shows. q (B, T, h*hd), k (B, T, hk*hd), v (B, T, hk*vd), slopes (h) or none.
/// Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
template <class Scalar>
AttentionResult<Scalar> attention(const TensorOf<Scalar>& q, const TensorOf<Scalar>& k,
                                  const TensorOf<Scalar>& v, const AttentionForm& form,
                                  const Tensor* slopes = nullptr) {
  const AttentionShape shape(q.shape, k.shape, form);
  SHARDPROOF_EXPECTS(v.shape == shape.values(), to_string(k.shape), to_string(v.shape));
  SHARDPROOF_EXPECTS(slopes == nullptr || slopes->size() == shape.heads, shape.heads);
  AttentionResult<Scalar> result{TensorOf<Scalar>(shape.output()),
                                 TensorOf<Scalar>({shape.batch, shape.heads, shape.positions})};
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      Pulse::of_this_process().beat();
      for (std::int64_t t = 0; t < shape.positions; ++t) {
        const AttentionRow<Scalar> row = attention_row(q, k, shape, b, t, head, slopes);
        CompensatedSumsOf<Scalar> output({shape.value_dim});
        std::int64_t key = row.first;
        for (const Scalar& p : row.probabilities) {
          for (std::int64_t d = 0; d < shape.value_dim; ++d)
            output[d] += p * v[shape.value(b, key, head) + d];
          ++key;
        }
        for (std::int64_t d = 0; d < shape.value_dim; ++d)
          result.output[shape.out(b, t, head) + d] = output[d].value();
        result.log_sum_exp[(b * shape.heads + head) * shape.positions + t] = row.log_sum_exp;
      }
    }
  return result;
}
template <class Scalar>
AttentionResult<Scalar> attention(const TensorOf<Scalar>& q, const TensorOf<Scalar>& k,
                                  const TensorOf<Scalar>& v, std::int64_t head_dim) {
  return attention(q, k, v, AttentionForm{.head_dim = head_dim});
}

/// The slopes of ALiBi's heads: a geometric sequence that begins with 2^(-8/n) and has that ratio
/// for n = 2^k heads; for another number those of the largest 2^k below, then every other one of
/// those of 2^(k+1) heads. Press et al. 2022, section 3, and its published code.
inline Tensor alibi_slopes(std::int64_t heads) {
  Tensor slopes({heads});
  std::int64_t n = 1;
  while (n * 2 <= heads) n *= 2;
  const auto ratio = [](std::int64_t count) {
    return std::pow(2.0, -8.0 / static_cast<double>(count));
  };
  for (std::int64_t head = 0; head < heads; ++head)
    slopes[head] = head < n ? std::pow(ratio(n), static_cast<double>(head + 1))
                            : std::pow(ratio(2 * n), static_cast<double>(2 * (head - n) + 1));
  return slopes;
}

}  // namespace shardproof::reference
