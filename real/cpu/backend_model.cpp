// The forward and backward of CpuBackend (norms: backend_norms.cpp): each op checks its shapes, brings its operands to the
// compute type, calls one kernel, and rounds what it stores.
#include <cstring>

#include "real/cpu/attention.hpp"
#include "real/cpu/backend.hpp"
#include "real/cpu/dispatch.hpp"
#include "real/cpu/gelu.hpp"
#include "real/cpu/gemm.hpp"
#include "real/cpu/loss.hpp"
#include "real/cpu/norm.hpp"
#include "real/cpu/pointwise.hpp"

namespace shardproof::real {

using namespace cpu;

namespace {
RowExtents norm_extents(const TensorView& x, const TensorView& weight) {
  SHARDPROOF_EXPECTS(last_extent(x) == weight.elements(), to_string(x.shape),
                     to_string(weight.shape));
  return {leading_rows(x), weight.elements()};
}

/// x (..., I), weight (O, I), y (..., O) as one product of matrices.
struct MatmulExtents {
  std::int64_t rows;
  std::int64_t I;
  std::int64_t O;

  MatmulExtents(const TensorView& x, const TensorView& weight, const TensorView& y)
      : rows(leading_rows(x)), I(last_extent(x)), O(last_extent(y)) {
    SHARDPROOF_EXPECTS((weight.shape == Shape{O, I}) && leading_rows(y) == rows, to_string(x.shape),
                       to_string(weight.shape), to_string(y.shape));
  }
};

AttentionExtents attention_extents(const TensorView& q, const TensorView& k,
                                   std::int64_t head_dim) {
  SHARDPROOF_EXPECTS(q.shape.size() == 3 && k.shape.size() == 3, to_string(q.shape),
                     to_string(k.shape));
  const AttentionExtents e{q.shape[0], q.shape[1], q.shape[2] / head_dim, k.shape[2] / head_dim,
                           head_dim};
  SHARDPROOF_EXPECTS((q.shape == Shape{e.B, e.T, e.h * e.hd}) &&
                         (k.shape == Shape{e.B, e.T, e.hk * e.hd}) && e.hk > 0 && e.h % e.hk == 0,
                     to_string(q.shape), to_string(k.shape), "head_dim", head_dim);
  return e;
}

LossExtents loss_extents(const TensorView& logits, const TensorView& labels) {
  SHARDPROOF_EXPECTS(leading_rows(logits) == labels.elements(), to_string(logits.shape),
                     to_string(labels.shape));
  return {labels.elements(), last_extent(logits)};
}
}  // namespace

void CpuBackend::rotary_table(View cos, View sin, double theta) {
  SHARDPROOF_EXPECTS(cos.shape.size() == 2 && cos.shape == sin.shape, to_string(cos.shape),
                     to_string(sin.shape));
  Output<double> cosines(scratch_, cos);
  Output<double> sines(scratch_, sin);
  cpu::rotary_table(cos.shape[0], cos.shape[1], theta, cosines.data(), sines.data());
  cosines.store();
  sines.store();
}

void CpuBackend::shift_labels(View tokens, View labels) {
  expect_same_count(tokens, labels);
  cpu::shift_labels(leading_rows(tokens), last_extent(tokens), integers(tokens), integers(labels));
}

void CpuBackend::embedding(View weight, View tokens, View y) {
  const std::int64_t width = last_extent(weight);
  SHARDPROOF_EXPECTS(weight.dtype == y.dtype, name_of(weight.dtype), name_of(y.dtype));
  SHARDPROOF_EXPECTS(y.elements() == tokens.elements() * width, to_string(y.shape));
  const std::size_t row_bytes = static_cast<std::size_t>(width) * size_bytes(y.dtype);
  std::byte* to = y.data;
  for (std::int64_t i = 0; i < tokens.elements(); ++i, to += row_bytes) {
    const std::int64_t token = integers(tokens)[i];
    SHARDPROOF_EXPECTS(token >= 0 && token < weight.shape[0], "token", token, "V", weight.shape[0]);
    std::memcpy(to, weight.data + static_cast<std::size_t>(token) * row_bytes, row_bytes);
  }
}

void CpuBackend::rms_norm(View x, View weight, View y, double eps) {
  expect_same_count(x, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    const Input<C> w(scratch_, weight);
    Output<C> out(scratch_, y);
    cpu::rms_norm(norm_extents(x, weight), in.data(), w.data(), out.data(), static_cast<C>(eps));
    out.store();
  });
}

void CpuBackend::matmul(View x, View weight, View y) {
  const MatmulExtents e(x, weight, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    const Input<C> w(scratch_, weight);
    Output<C> out(scratch_, y);
    gemm<C>(e.rows, e.O, e.I, {in.data(), e.I, false}, {w.data(), e.I, true}, out.data());
    out.store();
  });
}

void CpuBackend::add_bias(View x, View bias, View y) {
  expect_same_count(x, y);
  SHARDPROOF_EXPECTS(last_extent(x) == bias.elements(), to_string(x.shape), to_string(bias.shape));
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    const Input<C> b(scratch_, bias);
    Output<C> out(scratch_, y);
    cpu::add_bias(leading_rows(x), bias.elements(), in.data(), b.data(), out.data());
    out.store();
  });
}

void CpuBackend::rotary(View x, View cos, View sin, View y, bool inverse) {
  expect_same_count(x, y);
  SHARDPROOF_EXPECTS(x.shape.size() == 3 && cos.shape == sin.shape, to_string(x.shape),
                     to_string(cos.shape), to_string(sin.shape));
  const std::int64_t pairs = last_extent(cos);
  const RotaryExtents e{x.shape[0], x.shape[1], x.shape[2] / (2 * pairs), pairs};
  SHARDPROOF_EXPECTS(e.heads * 2 * pairs == x.shape[2] && cos.shape[0] == e.T, to_string(x.shape),
                     to_string(cos.shape));
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    const Input<C> c(scratch_, cos);
    const Input<C> s(scratch_, sin);
    Output<C> out(scratch_, y);
    cpu::rotary(e, in.data(), c.data(), s.data(), out.data(), inverse);
    out.store();
  });
}

void CpuBackend::attention(View q, View k, View v, View o, View lse, std::int64_t head_dim) {
  const AttentionExtents e = attention_extents(q, k, head_dim);
  expect_same_count(k, v);
  expect_same_count(q, o);
  SHARDPROOF_EXPECTS(lse.elements() == e.B * e.h * e.T, to_string(lse.shape));
  with_compute_type(o, [&]<class C>(C) {
    const Input<C> queries(scratch_, q);
    const Input<C> keys(scratch_, k);
    const Input<C> values(scratch_, v);
    Output<C> out(scratch_, o);
    Output<C> log_sum_exp(scratch_, lse);
    cpu::attention<C>(e, {queries.data(), keys.data(), values.data()}, out.data(),
                      log_sum_exp.data());
    out.store();
    log_sum_exp.store();
  });
}

void CpuBackend::swiglu(View gate, View up, View y) {
  expect_same_count(gate, y);
  expect_same_count(up, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> g(scratch_, gate);
void CpuBackend::gelu(View x, View y, GeluForm form) {
  expect_same_count(x, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, y);
    cpu::gelu(form, y.elements(), in.data(), out.data());
    out.store();
  });
}

    const Input<C> u(scratch_, up);
    Output<C> out(scratch_, y);
    cpu::swiglu(y.elements(), g.data(), u.data(), out.data());
    out.store();
  });
}

void CpuBackend::add(View a, View b, View y) {
  expect_same_count(a, y);
  expect_same_count(b, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> left(scratch_, a);
    const Input<C> right(scratch_, b);
    Output<C> out(scratch_, y);
    cpu::add(y.elements(), left.data(), right.data(), out.data());
    out.store();
  });
}

void CpuBackend::cross_entropy(View logits, View labels, View loss) {
  const LossExtents e = loss_extents(logits, labels);
  with_compute_type(logits, [&]<class C>(C) {
    const Input<C> z(scratch_, logits);
    set_scalar(loss, static_cast<double>(cpu::cross_entropy(e, z.data(), integers(labels))));
  });
}

void CpuBackend::cross_entropy_backward(View logits, View labels, View dlogits, double grad_scale) {
  const LossExtents e = loss_extents(logits, labels);
  expect_same_count(logits, dlogits);
  with_compute_type(dlogits, [&]<class C>(C) {
    const Input<C> z(scratch_, logits);
    Output<C> dz(scratch_, dlogits);
    cpu::cross_entropy_backward(e, z.data(), integers(labels), dz.data(), grad_scale);
    dz.store();
  });
}

void CpuBackend::matmul_backward_input(View dy, View weight, View dx) {
  const MatmulExtents e(dx, weight, dy);
  with_compute_type(dx, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> w(scratch_, weight);
    Output<C> out(scratch_, dx);
    gemm<C>(e.rows, e.I, e.O, {gradient.data(), e.O, false}, {w.data(), e.I, false}, out.data());
    out.store();
  });
}

void CpuBackend::matmul_backward_weight(View dy, View x, View dweight) {
  const MatmulExtents e(x, dweight, dy);
  with_compute_type(dweight, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, dweight);
    gemm<C>(e.O, e.I, e.rows, {gradient.data(), e.O, true}, {in.data(), e.I, false}, out.data());
    out.store();
  });
}

void CpuBackend::bias_backward(View dy, View dbias) {
  SHARDPROOF_EXPECTS(last_extent(dy) == dbias.elements(), to_string(dy.shape),
                     to_string(dbias.shape));
  with_compute_type(dbias, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    Output<C> out(scratch_, dbias);
    cpu::bias_backward(leading_rows(dy), dbias.elements(), gradient.data(), out.data());
    out.store();
  });
}

void CpuBackend::attention_backward(View dout, View q, View k, View v, View o, View lse, View dq,
                                    View dk, View dv, std::int64_t head_dim) {
  const AttentionExtents e = attention_extents(q, k, head_dim);
  for (View like_q : {dout, o, dq}) expect_same_count(like_q, q);
  for (View like_k : {v, dk, dv}) expect_same_count(like_k, k);
  SHARDPROOF_EXPECTS(lse.elements() == e.B * e.h * e.T, to_string(lse.shape));
  with_compute_type(dq, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dout);
    const Input<C> queries(scratch_, q);
    const Input<C> keys(scratch_, k);
    const Input<C> values(scratch_, v);
    const Input<C> out(scratch_, o);
    const Input<C> log_sum_exp(scratch_, lse);
    Output<C> d_queries(scratch_, dq);
    Output<C> d_keys(scratch_, dk);
    Output<C> d_values(scratch_, dv);
    cpu::attention_backward<C>(e, {queries.data(), keys.data(), values.data()}, gradient.data(),
                               out.data(), log_sum_exp.data(), d_queries.data(), d_keys.data(),
                               d_values.data());
    d_queries.store();
    d_keys.store();
    d_values.store();
  });
}

void CpuBackend::swiglu_backward(View dy, View gate, View up, View dgate, View dup) {
  for (View like_dy : {gate, up, dgate, dup}) expect_same_count(like_dy, dy);
  with_compute_type(dgate, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> g(scratch_, gate);
    const Input<C> u(scratch_, up);
    Output<C> d_gate(scratch_, dgate);
    Output<C> d_up(scratch_, dup);
    cpu::swiglu_backward(dy.elements(), gradient.data(), g.data(), u.data(), d_gate.data(),
                         d_up.data());
    d_gate.store();
    d_up.store();
void CpuBackend::gelu_backward(View dy, View x, View dx, GeluForm form) {
  expect_same_count(dy, x);
  expect_same_count(dx, x);
  with_compute_type(dx, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, dx);
    cpu::gelu_backward(form, dx.elements(), gradient.data(), in.data(), out.data());
    out.store();
  });
}

  });
}

void CpuBackend::embedding_backward(View dy, View tokens, View dweight) {
  const std::int64_t width = last_extent(dweight);
  SHARDPROOF_EXPECTS(dy.elements() == tokens.elements() * width, to_string(dy.shape));
  with_compute_type(dweight, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    Output<C> out(scratch_, dweight);
    cpu::embedding_backward(leading_rows(dweight), width, tokens.elements(), gradient.data(),
                            integers(tokens), out.data());
    out.store();
  });
}

}  // namespace shardproof::real
