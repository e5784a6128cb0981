// Attention and positions of CpuBackend.
#include <algorithm>
#include <optional>
#include <vector>

#include "real/cpu/attention.hpp"
#include "real/cpu/backend.hpp"
#include "real/cpu/dispatch.hpp"
#include "real/cpu/rotary.hpp"

namespace shardproof::real {

using namespace cpu;

void CpuBackend::rotary_table(View cos, View sin, const RotaryFrequencies& frequencies) {
  SHARDPROOF_EXPECTS(cos.shape.size() == 2 && cos.shape == sin.shape, to_string(cos.shape),
                     to_string(sin.shape));
  Output<double> cosines(scratch_, cos);
  Output<double> sines(scratch_, sin);
  cpu::rotary_table(cos.shape[0], cos.shape[1], frequencies, cosines.data(), sines.data());
  cosines.store();
  sines.store();
}

void CpuBackend::rotary(View x, View cos, View sin, View y, const RotaryForm& form, bool inverse) {
  expect_same_count(x, y);
  SHARDPROOF_EXPECTS(x.shape.size() == 3 && cos.shape == sin.shape, to_string(x.shape),
                     to_string(cos.shape), to_string(sin.shape));
  const std::int64_t pairs = last_extent(cos);
  const std::int64_t head_dim = form.head_dim > 0 ? form.head_dim : 2 * pairs;
  SHARDPROOF_EXPECTS(head_dim > 0 && x.shape[2] % head_dim == 0 && 2 * pairs <= head_dim &&
                         cos.shape[0] == x.shape[1],
                     to_string(x.shape), to_string(cos.shape), "head_dim", head_dim);
  const RotaryExtents e{x.shape[0], x.shape[1], x.shape[2] / head_dim,
                        head_dim,   pairs,      form.pairing};
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    const Input<C> c(scratch_, cos);
    const Input<C> s(scratch_, sin);
    Output<C> out(scratch_, y);
    cpu::rotary(e, in.data(), c.data(), s.data(), out.data(), inverse);
    out.store();
  });
}

void CpuBackend::alibi_slopes(std::int64_t heads, std::int64_t first, View slopes) {
  std::vector<double> all(static_cast<std::size_t>(heads));
  cpu::alibi_slopes(heads, all.data());
  SHARDPROOF_EXPECTS(first >= 0 && first + slopes.elements() <= heads, first,
                     to_string(slopes.shape), heads);
  Output<double> out(scratch_, slopes);
  std::copy_n(all.begin() + first, slopes.elements(), out.data());
  out.store();
}

namespace {
AttentionExtents attention_extents(const TensorView& q, const TensorView& k, const TensorView& v,
                                   const TensorView& lse, const AttentionForm& form) {
  SHARDPROOF_EXPECTS(
      q.shape.size() == 3 && k.shape.size() == 3 && v.shape.size() == 3 && form.head_dim > 0,
      to_string(q.shape), to_string(k.shape), to_string(v.shape), form.head_dim);
  const std::int64_t hd = form.head_dim, vd = form.value_dim();
  const AttentionExtents e{q.shape[0], q.shape[1], q.shape[2] / hd, k.shape[2] / hd, hd, vd, form};
  // A rank may hold no heads at all.
  const bool shared = e.hk > 0 ? e.h % e.hk == 0 : e.h == 0;
  SHARDPROOF_EXPECTS((q.shape == Shape{e.B, e.T, e.h * hd}) &&
                         (k.shape == Shape{e.B, e.T, e.hk * hd}) &&
                         (v.shape == Shape{e.B, e.T, e.hk * vd}) && shared,
                     to_string(q.shape), to_string(k.shape), to_string(v.shape), "head_dim", hd);
  SHARDPROOF_EXPECTS(lse.elements() == e.B * e.h * e.T, to_string(lse.shape));
  return e;
}

/// The slopes of the heads, if there are any.
template <class C>
class Slopes {
 public:
  Slopes(Scratch& scratch, const TensorView* slopes, const AttentionExtents& e) {
    if (slopes == nullptr) return;
    SHARDPROOF_EXPECTS(slopes->elements() == e.h && e.h == e.hk, to_string(slopes->shape), e.h,
                       e.hk);
    input_.emplace(scratch, *slopes);
  }
  const C* data() const { return input_ ? input_->data() : nullptr; }

 private:
  std::optional<Input<C>> input_;
};
}  // namespace

void CpuBackend::attention(View q, View k, View v, const TensorView* slopes, View o, View lse,
                           const AttentionForm& form) {
  const AttentionExtents e = attention_extents(q, k, v, lse, form);
  SHARDPROOF_EXPECTS(o.elements() == e.B * e.T * e.h * e.vd, to_string(o.shape));
  with_compute_type(o, [&]<class C>(C) {
    const Input<C> queries(scratch_, q);
    const Input<C> keys(scratch_, k);
    const Input<C> values(scratch_, v);
    const Slopes<C> bias(scratch_, slopes, e);
    Output<C> out(scratch_, o);
    Output<C> log_sum_exp(scratch_, lse);
    cpu::attention<C>(e, {queries.data(), keys.data(), values.data(), bias.data()}, out.data(),
                      log_sum_exp.data());
    out.store();
    log_sum_exp.store();
  });
}

void CpuBackend::attention_backward(View dout, View q, View k, View v, View o, View lse,
                                    const TensorView* slopes, View dq, View dk, View dv,
                                    const AttentionForm& form) {
  const AttentionExtents e = attention_extents(q, k, v, lse, form);
  expect_same_count(dq, q);
  expect_same_count(dk, k);
  expect_same_count(dv, v);
  for (const TensorView* like_o : {&dout, &o})
    SHARDPROOF_EXPECTS(like_o->elements() == e.B * e.T * e.h * e.vd, to_string(like_o->shape));
  with_compute_type(dq, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dout);
    const Input<C> queries(scratch_, q);
    const Input<C> keys(scratch_, k);
    const Input<C> values(scratch_, v);
    const Input<C> out(scratch_, o);
    const Input<C> log_sum_exp(scratch_, lse);
    const Slopes<C> bias(scratch_, slopes, e);
    Output<C> d_queries(scratch_, dq);
    Output<C> d_keys(scratch_, dk);
    Output<C> d_values(scratch_, dv);
    cpu::attention_backward<C>(e, {queries.data(), keys.data(), values.data(), bias.data()},
                               gradient.data(), out.data(), log_sum_exp.data(), d_queries.data(),
                               d_keys.data(), d_values.data());
    d_queries.store();
    d_keys.store();
    d_values.store();
  });
}

}  // namespace shardproof::real
