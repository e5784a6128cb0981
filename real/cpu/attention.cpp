// The loops keep the sum over the head dimension outside and the keys inside: each score is still
// summed in the order of the head dimension, but neighbouring keys are independent and vectorise.
// For that the keys and values of one head are transposed to (hd, T) first.
#include "real/cpu/attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::real::cpu {

namespace {
/// The keys that one query sees.
struct Keys {
  std::int64_t first;
  std::int64_t count;
  Keys(const AttentionExtents& e, std::int64_t t)
      : first(e.form.first_key(t)), count(t + 1 - first) {}
};

/// One sequence and head of x -> out (width, T).
template <class C>
void transpose_head(Heads heads, std::int64_t b, std::int64_t head, const C* x,
                    std::vector<C>& out) {
  out.resize(static_cast<std::size_t>(heads.width * heads.T));
  for (std::int64_t t = 0; t < heads.T; ++t) {
    const C* row = x + heads.at(b, t, head);
    for (std::int64_t d = 0; d < heads.width; ++d)
      out[static_cast<std::size_t>(d * heads.T + t)] = row[d];
  }
}

/// out[j] = factor * sum over d of x[d] * columns[d][j], for `count` of the T columns.
template <class C>
void products(Heads heads, std::int64_t count, const C* x, const C* columns, C factor, C* out) {
  for (std::int64_t j = 0; j < count; ++j) out[j] = x[0] * columns[j];
  for (std::int64_t d = 1; d < heads.width; ++d)
    for (std::int64_t j = 0; j < count; ++j) out[j] += x[d] * columns[d * heads.T + j];
  for (std::int64_t j = 0; j < count; ++j) out[j] *= factor;
}

/// The scores of one query, from the keys of its head as columns. Where scores have a cap, `tanhs`
/// is what it is multiplied by.
template <class C>
void scores_of(const AttentionExtents& e, Keys seen, const C* q, const C* key_columns,
               const C* slope, C* scores, C* tanhs) {
  products(e.keys(), seen.count, q, key_columns + seen.first, static_cast<C>(e.form.score_scale()),
           scores);
  if (e.form.cap > 0)
    for (std::int64_t j = 0; j < seen.count; ++j) {
      tanhs[j] = std::tanh(scores[j] / static_cast<C>(e.form.cap));
      scores[j] = static_cast<C>(e.form.cap) * tanhs[j];
    }
  if (slope == nullptr) return;
  for (std::int64_t j = 0; j < seen.count; ++j)
    scores[j] += *slope * static_cast<C>(seen.first + j);
}

template <class C>
const C* slope_of(const AttentionInputs<C>& in, std::int64_t head) {
  return in.slopes == nullptr ? nullptr : in.slopes + head;
}

/// y += a * x over one head dimension.
template <class C>
void add_multiple(std::int64_t hd, C a, const C* x, C* y) {
  for (std::int64_t d = 0; d < hd; ++d) y[d] += a * x[d];
}

/// One query of one head. v: the value vector of the first key that it sees.
template <class C>
C attend(const AttentionExtents& e, std::int64_t count, C* scores, const C* v, C* o) {
  const C largest = *std::max_element(scores, scores + count);
  C sum = 0;
  for (std::int64_t j = 0; j < count; ++j) sum += scores[j] = std::exp(scores[j] - largest);
  std::fill_n(o, e.vd, C{0});
  for (std::int64_t j = 0; j < count; ++j)
    add_multiple(e.vd, scores[j], v + j * e.values().stride(), o);
  for (std::int64_t d = 0; d < e.vd; ++d) o[d] /= sum;
  return largest + std::log(sum);
}
}  // namespace

template <class C>
void attention(AttentionExtents e, AttentionInputs<C> in, C* o, C* lse) {
  std::vector<C> keys_of_head;
  std::vector<C> scores(static_cast<std::size_t>(e.T)), tanhs(scores.size());
  for (std::int64_t b = 0; b < e.B; ++b)
    for (std::int64_t head = 0; head < e.h; ++head) {
      Pulse::of_this_process().beat();
      const std::int64_t kv_head = head / (e.h / e.hk);
      transpose_head(e.keys(), b, kv_head, in.k, keys_of_head);
      for (std::int64_t t = 0; t < e.T; ++t) {
        const Keys seen(e, t);
        scores_of(e, seen, in.q + e.queries().at(b, t, head), keys_of_head.data(),
                  slope_of(in, head), scores.data(), tanhs.data());
        lse[(b * e.h + head) * e.T + t] =
            attend(e, seen.count, scores.data(), in.v + e.values().at(b, seen.first, kv_head),
                   o + e.outputs().at(b, t, head));
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
  std::vector<C> k_columns, v_columns, p, ds, tanhs;

  void head(std::int64_t b, std::int64_t head) {
    const std::int64_t kv_head = head / (e.h / e.hk);
    transpose_head(e.keys(), b, kv_head, in.k, k_columns);
    transpose_head(e.values(), b, kv_head, in.v, v_columns);
    p.resize(static_cast<std::size_t>(e.T));
    ds.resize(static_cast<std::size_t>(e.T));
    tanhs.resize(static_cast<std::size_t>(e.T));
    for (std::int64_t t = 0; t < e.T; ++t) {
      const Keys seen(e, t);
      score_gradients(seen, b, t, head);
      spread(seen, e.queries().at(b, t, head), e.outputs().at(b, t, head),
             e.keys().at(b, seen.first, kv_head), e.values().at(b, seen.first, kv_head));
    }
  }

  /// p and dS of one query.
  void score_gradients(Keys seen, std::int64_t b, std::int64_t t, std::int64_t head) {
    const C lse_of_query = lse[(b * e.h + head) * e.T + t];
    const std::int64_t output = e.outputs().at(b, t, head);
    const auto scale = static_cast<C>(e.form.score_scale());
    scores_of(e, seen, in.q + e.queries().at(b, t, head), k_columns.data(), slope_of(in, head),
              p.data(), tanhs.data());
    products(e.values(), seen.count, dout + output, v_columns.data() + seen.first, C{1}, ds.data());
    C D = 0;
    for (std::int64_t d = 0; d < e.vd; ++d) D += dout[output + d] * o[output + d];
    for (std::int64_t j = 0; j < seen.count; ++j) {
      const auto at_key = static_cast<std::size_t>(j);
      p[at_key] = std::exp(p[at_key] - lse_of_query);
      ds[at_key] = scale * (p[at_key] * (ds[at_key] - D));
      if (e.form.cap > 0) ds[at_key] *= C{1} - tanhs[at_key] * tanhs[at_key];
    }
  }

  void spread(Keys seen, std::int64_t query, std::int64_t output, std::int64_t key,
              std::int64_t value) {
    std::fill_n(dq + query, e.hd, C{0});
    for (std::int64_t j = 0; j < seen.count; ++j) {
      const auto at_key = static_cast<std::size_t>(j);
      add_multiple(e.hd, ds[at_key], in.k + key, dq + query);
      add_multiple(e.hd, ds[at_key], in.q + query, dk + key);
      add_multiple(e.vd, p[at_key], dout + output, dv + value);
      key += e.keys().stride();
      value += e.values().stride();
    }
  }
};
}  // namespace

template <class C>
void attention_backward(AttentionExtents e, AttentionInputs<C> in, const C* dout, const C* o,
                        const C* lse, C* dq, C* dk, C* dv) {
  std::fill_n(dk, e.B * e.T * e.hk * e.hd, C{0});
  std::fill_n(dv, e.B * e.T * e.hk * e.vd, C{0});
  HeadBackward<C> backward{e, in, dout, o, lse, dq, dk, dv, {}, {}, {}, {}, {}};
  for (std::int64_t b = 0; b < e.B; ++b)
    for (std::int64_t head = 0; head < e.h; ++head) {
      Pulse::of_this_process().beat();
      backward.head(b, head);
    }
}

template void attention(AttentionExtents, AttentionInputs<float>, float*, float*);
template void attention(AttentionExtents, AttentionInputs<double>, double*, double*);
template void attention_backward(AttentionExtents, AttentionInputs<float>, const float*,
                                 const float*, const float*, float*, float*, float*);
template void attention_backward(AttentionExtents, AttentionInputs<double>, const double*,
                                 const double*, const double*, double*, double*, double*);

namespace {
/// In fp64: with n the largest power of two <= heads, 2^(-8 i/n) for i = 1 ... n, then every other
/// one of those for 2n heads: 2^(-4 i/n) for i = 1, 3, 5 ...
void alibi_slopes(std::int64_t heads, double* slopes) {
  std::int64_t n = 1;
  while (2 * n <= heads) n *= 2;
  for (std::int64_t head = 0; head < heads; ++head) {
    const auto i = static_cast<double>(head < n ? head + 1 : 2 * (head - n) + 1);
    slopes[head] = std::exp2((head < n ? -8.0 : -4.0) * i / static_cast<double>(n));
  }
}

void alibi_slopes(Device& device, const KernelCall& call) {
  const auto& [heads, first] = std::pair(call.attributes.heads, call.attributes.first_head);
  std::vector<double> all(static_cast<std::size_t>(heads));
  alibi_slopes(heads, all.data());
  SHARDPROOF_EXPECTS(first >= 0 && first + call.out().elements() <= heads, first,
                     to_string(call.out().shape), heads);
  Operands<double> o(device, call);
  std::copy_n(all.begin() + first, call.out().elements(), o.out());
  o.store();
}

void attention(Device& device, const KernelCall& call) {
  const AttentionExtents e =
      attention_extents(call.in(0), call.in(1), call.in(2), call.out(1), call.attributes.attention);
  expect_like_output(call.out(), e);
  if (call.has_input(3)) expect_slopes(call.in(3), e);
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    cpu::attention<C>(e, {o.in(0), o.in(1), o.in(2), o.in_if_there(3)}, o.out(0), o.out(1));
  });
}

void attention_backward(Device& device, const KernelCall& call) {
  const TensorView &q = call.in(1), &k = call.in(2), &v = call.in(3);
  const AttentionExtents e = attention_extents(q, k, v, call.in(5), call.attributes.attention);
  expect_same_count(call.out(0), q);
  expect_same_count(call.out(1), k);
  expect_same_count(call.out(2), v);
  expect_like_output(call.in(0), e);
  expect_like_output(call.in(4), e);
  if (call.has_input(6)) expect_slopes(call.in(6), e);
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    cpu::attention_backward<C>(e, {o.in(1), o.in(2), o.in(3), o.in_if_there(6)}, o.in(0), o.in(4),
                               o.in(5), o.out(0), o.out(1), o.out(2));
  });
}
}  // namespace

std::span<const KernelRow> attention_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::alibi_slopes, alibi_slopes},
                                       {OpKind::attention, attention},
                                       {OpKind::attention_backward, attention_backward}};
  return rows;
}

}  // namespace shardproof::real::cpu
