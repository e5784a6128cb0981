// The loops keep the sum over the head dimension outside and the keys inside: each score is still
// summed in the order of the head dimension, but neighbouring keys are independent and vectorise.
// For that the keys and values of one head are transposed to (hd, T) first.
#include "real/cpu/attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace shardproof::real::cpu {

namespace {
/// Where the vector of one token and head starts in a (B, T, heads*hd) tensor.
std::int64_t at(const AttentionExtents& e, std::int64_t heads, std::int64_t b, std::int64_t t,
                std::int64_t head) {
  return ((b * e.T + t) * heads + head) * e.hd;
}

template <class C>
C scale_of(const AttentionExtents& e) {
  return static_cast<C>(1.0 / std::sqrt(static_cast<double>(e.hd)));
}

/// x (B, T, heads*hd) at one sequence and head -> out (hd, T).
template <class C>
void transpose_head(const AttentionExtents& e, std::int64_t b, std::int64_t head, const C* x,
                    std::vector<C>& out) {
  out.resize(static_cast<std::size_t>(e.hd * e.T));
  for (std::int64_t t = 0; t < e.T; ++t) {
    const C* row = x + at(e, e.hk, b, t, head);
    for (std::int64_t d = 0; d < e.hd; ++d) out[static_cast<std::size_t>(d * e.T + t)] = row[d];
  }
}

/// out[j] = factor * sum over d of x[d] * columns[d][j], for the first `keys` columns.
template <class C>
void products(const AttentionExtents& e, std::int64_t keys, const C* x, const C* columns, C factor,
              C* out) {
  for (std::int64_t j = 0; j < keys; ++j) out[j] = x[0] * columns[j];
  for (std::int64_t d = 1; d < e.hd; ++d)
    for (std::int64_t j = 0; j < keys; ++j) out[j] += x[d] * columns[d * e.T + j];
  for (std::int64_t j = 0; j < keys; ++j) out[j] *= factor;
}

/// y += a * x over one head dimension.
template <class C>
void add_multiple(std::int64_t hd, C a, const C* x, C* y) {
  for (std::int64_t d = 0; d < hd; ++d) y[d] += a * x[d];
}

/// One query of one head. v: the value vector of key 0; `stride` elements from key to key.
template <class C>
C attend(const AttentionExtents& e, std::int64_t keys, C* scores, const C* v, std::int64_t stride,
         C* o) {
  const C largest = *std::max_element(scores, scores + keys);
  C sum = 0;
  for (std::int64_t j = 0; j < keys; ++j) sum += scores[j] = std::exp(scores[j] - largest);
  std::fill_n(o, e.hd, C{0});
  for (std::int64_t j = 0; j < keys; ++j) add_multiple(e.hd, scores[j], v + j * stride, o);
  for (std::int64_t d = 0; d < e.hd; ++d) o[d] /= sum;
  return largest + std::log(sum);
}
}  // namespace

template <class C>
void attention(AttentionExtents e, AttentionInputs<C> in, C* o, C* lse) {
  std::vector<C> keys_of_head;
  std::vector<C> scores(static_cast<std::size_t>(e.T));
  for (std::int64_t b = 0; b < e.B; ++b)
    for (std::int64_t head = 0; head < e.h; ++head) {
      const std::int64_t kv_head = head / (e.h / e.hk);
      transpose_head(e, b, kv_head, in.k, keys_of_head);
      for (std::int64_t t = 0; t < e.T; ++t) {
        const std::int64_t query = at(e, e.h, b, t, head);
        products(e, t + 1, in.q + query, keys_of_head.data(), scale_of<C>(e), scores.data());
        lse[(b * e.h + head) * e.T + t] = attend(
            e, t + 1, scores.data(), in.v + at(e, e.hk, b, 0, kv_head), e.hk * e.hd, o + query);
      }
    }
}

namespace {
/// The gradients of one head of one sequence, added to dk and dv; dq is written.
template <class C>
struct HeadBackward {
  const AttentionExtents& e;
  AttentionInputs<C> in;
  const C* dout;
  const C* o;
  const C* lse;
  C* dq;
  C* dk;
  C* dv;
  std::vector<C> k_columns, v_columns, p, ds;

  void head(std::int64_t b, std::int64_t head) {
    const std::int64_t kv_head = head / (e.h / e.hk);
    transpose_head(e, b, kv_head, in.k, k_columns);
    transpose_head(e, b, kv_head, in.v, v_columns);
    p.resize(static_cast<std::size_t>(e.T));
    ds.resize(static_cast<std::size_t>(e.T));
    for (std::int64_t t = 0; t < e.T; ++t) {
      const std::int64_t query = at(e, e.h, b, t, head);
      score_gradients(t + 1, query, lse[(b * e.h + head) * e.T + t]);
      spread(t + 1, query, at(e, e.hk, b, 0, kv_head));
    }
  }

  /// p and dS of one query.
  void score_gradients(std::int64_t keys, std::int64_t query, C lse_of_query) {
    products(e, keys, in.q + query, k_columns.data(), scale_of<C>(e), p.data());
    products(e, keys, dout + query, v_columns.data(), C{1}, ds.data());
    C D = 0;
    for (std::int64_t d = 0; d < e.hd; ++d) D += dout[query + d] * o[query + d];
    for (std::int64_t j = 0; j < keys; ++j) {
      const auto at_key = static_cast<std::size_t>(j);
      p[at_key] = std::exp(p[at_key] - lse_of_query);
      ds[at_key] = scale_of<C>(e) * (p[at_key] * (ds[at_key] - D));
    }
  }

  void spread(std::int64_t keys, std::int64_t query, std::int64_t first_key) {
    std::fill_n(dq + query, e.hd, C{0});
    for (std::int64_t j = 0; j < keys; ++j) {
      const std::int64_t key = first_key + j * e.hk * e.hd;
      const auto at_key = static_cast<std::size_t>(j);
      add_multiple(e.hd, ds[at_key], in.k + key, dq + query);
      add_multiple(e.hd, ds[at_key], in.q + query, dk + key);
      add_multiple(e.hd, p[at_key], dout + query, dv + key);
    }
  }
};
}  // namespace

template <class C>
void attention_backward(AttentionExtents e, AttentionInputs<C> in, const C* dout, const C* o,
                        const C* lse, C* dq, C* dk, C* dv) {
  std::fill_n(dk, e.B * e.T * e.hk * e.hd, C{0});
  std::fill_n(dv, e.B * e.T * e.hk * e.hd, C{0});
  HeadBackward<C> backward{e, in, dout, o, lse, dq, dk, dv, {}, {}, {}, {}};
  for (std::int64_t b = 0; b < e.B; ++b)
    for (std::int64_t head = 0; head < e.h; ++head) backward.head(b, head);
}

template void attention(AttentionExtents, AttentionInputs<float>, float*, float*);
template void attention(AttentionExtents, AttentionInputs<double>, double*, double*);
template void attention_backward(AttentionExtents, AttentionInputs<float>, const float*,
                                 const float*, const float*, float*, float*, float*);
template void attention_backward(AttentionExtents, AttentionInputs<double>, const double*,
                                 const double*, const double*, double*, double*, double*);

}  // namespace shardproof::real::cpu
