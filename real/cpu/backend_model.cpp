// The forward and backward of CpuBackend (norms: backend_norms.cpp, heads: backend_attention.cpp): each op checks its shapes, brings its operands to the
// compute type, calls one kernel, and rounds what it stores.
#include <cstring>

#include "real/cpu/backend.hpp"
#include "real/cpu/dispatch.hpp"
#include "real/cpu/gelu.hpp"
#include "real/cpu/gemm.hpp"
#include "real/cpu/loss.hpp"
#include "real/cpu/pointwise.hpp"

namespace shardproof::real {

using namespace cpu;

namespace {
/// x (..., I), weight (O, I) or (I, O), y (..., O) as one product of matrices.
struct MatmulExtents {
  std::int64_t rows;
  std::int64_t I;
  std::int64_t O;

  MatmulExtents(const TensorView& x, const TensorView& weight, const TensorView& y,
                WeightLayout layout)
      : rows(leading_rows(x)), I(last_extent(x)), O(last_extent(y)) {
    const Shape expected = layout == WeightLayout::out_in ? Shape{O, I} : Shape{I, O};
    SHARDPROOF_EXPECTS(weight.shape == expected && leading_rows(y) == rows, to_string(x.shape),
                       to_string(weight.shape), to_string(y.shape), name_of(layout));
  }
};

/// The weight as the matrix (I, O), or its transpose, without moving it.
template <class C>
Operand<C> weight_matrix(const MatmulExtents& e, const C* weight, WeightLayout layout,
                         bool transposed) {
  if (layout == WeightLayout::out_in) return {weight, e.I, !transposed};
  return {weight, e.O, transposed};
}

LossExtents loss_extents(const TensorView& logits, const TensorView& labels) {
  SHARDPROOF_EXPECTS(leading_rows(logits) == labels.elements(), to_string(logits.shape),
                     to_string(labels.shape));
  return {labels.elements(), last_extent(logits)};
}
}  // namespace

void CpuBackend::shift_labels(View tokens, View labels, std::optional<std::int64_t> padding) {
  expect_same_count(tokens, labels);
  cpu::shift_labels(leading_rows(tokens), last_extent(tokens), integers(tokens), integers(labels),
                    padding);
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

void CpuBackend::matmul(View x, View weight, View y, WeightLayout layout) {
  const MatmulExtents e(x, weight, y, layout);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    const Input<C> w(scratch_, weight);
    Output<C> out(scratch_, y);
    gemm<C>(e.rows, e.O, e.I, {in.data(), e.I, false}, weight_matrix(e, w.data(), layout, false),
            out.data());
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

void CpuBackend::swiglu(View gate, View up, View y) {
  expect_same_count(gate, y);
  expect_same_count(up, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> g(scratch_, gate);
    const Input<C> u(scratch_, up);
    Output<C> out(scratch_, y);
    cpu::swiglu(y.elements(), g.data(), u.data(), out.data());
    out.store();
  });
}

void CpuBackend::gelu(View x, View y, GeluForm form) {
  expect_same_count(x, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, y);
    cpu::gelu(form, y.elements(), in.data(), out.data());
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

void CpuBackend::cross_entropy_backward(View logits, View labels, const TensorView* loss_scale,
                                        View dlogits, double grad_scale) {
  const LossExtents e = loss_extents(logits, labels);
  expect_same_count(logits, dlogits);
  with_compute_type(dlogits, [&]<class C>(C) {
    const Input<C> z(scratch_, logits);
    Output<C> dz(scratch_, dlogits);
    const C scale = loss_scale ? static_cast<C>(scalar_of(*loss_scale)) : C{1};
    cpu::cross_entropy_backward(e, z.data(), integers(labels), dz.data(), grad_scale, scale);
    dz.store();
  });
}

void CpuBackend::matmul_backward_input(View dy, View weight, View dx, WeightLayout layout) {
  const MatmulExtents e(dx, weight, dy, layout);
  with_compute_type(dx, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> w(scratch_, weight);
    Output<C> out(scratch_, dx);
    gemm<C>(e.rows, e.I, e.O, {gradient.data(), e.O, false},
            weight_matrix(e, w.data(), layout, true), out.data());
    out.store();
  });
}

void CpuBackend::matmul_backward_weight(View dy, View x, View dweight, WeightLayout layout) {
  const MatmulExtents e(x, dweight, dy, layout);
  with_compute_type(dweight, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, dweight);
    if (layout == WeightLayout::out_in)
      gemm<C>(e.O, e.I, e.rows, {gradient.data(), e.O, true}, {in.data(), e.I, false}, out.data());
    else
      gemm<C>(e.I, e.O, e.rows, {in.data(), e.I, true}, {gradient.data(), e.O, false}, out.data());
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
  });
}

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
