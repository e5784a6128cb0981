// The norms of CpuBackend.
#include "real/cpu/backend.hpp"
#include "real/cpu/dispatch.hpp"
#include "real/cpu/layer_norm.hpp"
#include "real/cpu/norm.hpp"

namespace shardproof::real {

using namespace cpu;

namespace {
/// Each stretch of `width` elements is a row: of a (B, T, C) tensor all features, or those of one
/// head.
RowExtents norm_extents(const TensorView& x, const TensorView& weight) {
  const std::int64_t width = weight.elements();
  SHARDPROOF_EXPECTS(width > 0 && last_extent(x) % width == 0, to_string(x.shape),
                     to_string(weight.shape));
  return {x.elements() / width, width};
}
}  // namespace

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

void CpuBackend::rms_norm_backward_input(View dy, View x, View weight, View dx, double eps) {
  expect_same_count(dy, x);
  expect_same_count(dx, x);
  with_compute_type(dx, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> in(scratch_, x);
    const Input<C> w(scratch_, weight);
    Output<C> out(scratch_, dx);
    cpu::rms_norm_backward_input(norm_extents(x, weight), gradient.data(), in.data(), w.data(),
                                 out.data(), static_cast<C>(eps));
    out.store();
  });
}

void CpuBackend::rms_norm_backward_weight(View dy, View x, View dweight, double eps) {
  expect_same_count(dy, x);
  with_compute_type(dweight, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, dweight);
    cpu::rms_norm_backward_weight(norm_extents(x, dweight), gradient.data(), in.data(), out.data(),
                                  static_cast<C>(eps));
    out.store();
  });
}

void CpuBackend::layer_norm(View x, View weight, View bias, View y, double eps) {
  expect_same_count(x, y);
  expect_same_count(weight, bias);
  SHARDPROOF_EXPECTS(last_extent(x) == weight.elements(), to_string(x.shape),
                     to_string(weight.shape));
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    const Input<C> w(scratch_, weight);
    const Input<C> b(scratch_, bias);
    Output<C> out(scratch_, y);
    cpu::layer_norm(norm_extents(x, weight), in.data(), w.data(), b.data(), out.data(),
                    static_cast<C>(eps));
    out.store();
  });
}

void CpuBackend::layer_norm_backward_input(View dy, View x, View weight, View dx, double eps) {
  expect_same_count(dy, x);
  expect_same_count(dx, x);
  SHARDPROOF_EXPECTS(last_extent(x) == weight.elements(), to_string(x.shape),
                     to_string(weight.shape));
  with_compute_type(dx, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> in(scratch_, x);
    const Input<C> w(scratch_, weight);
    Output<C> out(scratch_, dx);
    cpu::layer_norm_backward_input(norm_extents(x, weight), gradient.data(), in.data(), w.data(),
                                   out.data(), static_cast<C>(eps));
    out.store();
  });
}

void CpuBackend::layer_norm_backward_weight(View dy, View x, View dweight, double eps) {
  expect_same_count(dy, x);
  SHARDPROOF_EXPECTS(last_extent(x) == dweight.elements(), to_string(x.shape),
                     to_string(dweight.shape));
  with_compute_type(dweight, [&]<class C>(C) {
    const Input<C> gradient(scratch_, dy);
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, dweight);
    cpu::layer_norm_backward_weight(norm_extents(x, dweight), gradient.data(), in.data(),
                                    out.data(), static_cast<C>(eps));
    out.store();
  });
}

}  // namespace shardproof::real
