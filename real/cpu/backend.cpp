// Memory, movement, gradients and optimizer. Forward and backward: backend_model.cpp.
#include "real/cpu/backend.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include "real/cpu/dispatch.hpp"
#include "real/cpu/fingerprint.hpp"
#include "real/cpu/gemm.hpp"
#include "real/cpu/pointwise.hpp"
#include "real/cpu/update.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::real {

using namespace cpu;

namespace {
constexpr std::align_val_t alignment{64};

/// The bounds know gradual underflow only (bounds-annex, Acceptance). `volatile` makes the
/// processor compute it here and now, in whatever mode it is in.
template <class C>
bool keeps_subnormals() {
  volatile C smallest_normal = std::numeric_limits<C>::min();
  volatile C subnormal = smallest_normal / C{4};  // 0 if results are flushed
  volatile C back = subnormal * C{4};             // 0 if operands are
  return back == smallest_normal;
}
}  // namespace

CpuBackend::CpuBackend() {
  if (!keeps_subnormals<float>() || !keeps_subnormals<double>())
    throw EnvironmentError(
        "this process flushes subnormal numbers to zero (FTZ or DAZ is on): a library built with "
        "-ffast-math may have set it");
  use_one_blas_thread();
}

std::byte* CpuBackend::allocate(std::size_t bytes) {
  return static_cast<std::byte*>(::operator new(bytes, alignment));
}
void CpuBackend::release(std::byte* block, std::size_t) { ::operator delete(block, alignment); }

void CpuBackend::copy_from_host(std::span<const std::byte> host, View to) {
  SHARDPROOF_EXPECTS(host.size() == to.bytes(), host.size(), to.bytes());
  if (!host.empty()) std::memcpy(to.data, host.data(), host.size());
}
void CpuBackend::copy_to_host(View from, std::span<std::byte> host) {
  SHARDPROOF_EXPECTS(host.size() == from.bytes(), host.size(), from.bytes());
  if (!host.empty()) std::memcpy(host.data(), from.data, host.size());
}

std::string CpuBackend::fingerprint() { return cpu::fingerprint(); }

void CpuBackend::copy(View x, View y) {
  SHARDPROOF_EXPECTS(x.dtype == y.dtype, name_of(x.dtype), name_of(y.dtype));
  expect_same_count(x, y);
  if (x.bytes() != 0) std::memmove(y.data, x.data, x.bytes());
}
void CpuBackend::zero(View y) {
  if (y.bytes() != 0) std::memset(y.data, 0, y.bytes());
}
void CpuBackend::cast(View x, View y) { convert(x, y); }

void CpuBackend::scale(View x, View y, double factor) {
  expect_same_count(x, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, y);
    cpu::multiply(y.elements(), in.data(), static_cast<C>(factor), out.data());
    out.store();
  });
}

void CpuBackend::divide(View x, View y, double divisor) {
  expect_same_count(x, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, y);
    cpu::divide(y.elements(), in.data(), static_cast<C>(divisor), out.data());
    out.store();
  });
}

void CpuBackend::multiply(View x, View scalar, View y) { scale(x, y, scalar_of(scalar)); }

void CpuBackend::negate(View x, View y) {
  expect_same_count(x, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, y);
    cpu::negate(y.elements(), in.data(), out.data());
    out.store();
  });
}

void CpuBackend::nonfinite(std::span<const TensorView> tensors, View flag) {
  bool found = false;
  for (const TensorView& x : tensors)
    with_compute_type(x, [&]<class C>(C) {
      const Input<C> in(scratch_, x);
      found = found || any_nonfinite(x.elements(), in.data());
    });
  set_scalar(flag, found ? 1.0 : 0.0);
}

void CpuBackend::sum_of_squares(std::span<const Ranges> parts, View total) {
  double sum = 0;
  for (const auto& [x, begin_end_pairs] : parts) {
    SHARDPROOF_EXPECTS(begin_end_pairs.size() % 2 == 0, begin_end_pairs.size());
    const Input<double> in(scratch_, x);
    for (std::size_t pair = 0; pair < begin_end_pairs.size(); pair += 2) {
      const std::int64_t begin = begin_end_pairs[pair];
      const std::int64_t end = begin_end_pairs[pair + 1];
      SHARDPROOF_EXPECTS(0 <= begin && begin <= end && end <= x.elements(), begin, end,
                         x.elements());
      for (std::int64_t i = begin; i < end; ++i) sum += in.data()[i] * in.data()[i];
    }
  }
  set_scalar(total, sum);
}

void CpuBackend::square_root(View x, const TensorView* loss_scale, View y) {
  expect_same_count(x, y);
  const double scale = loss_scale ? scalar_of(*loss_scale) : 1.0;
  const Input<double> in(scratch_, x);
  Output<double> out(scratch_, y);
  for (std::int64_t i = 0; i < y.elements(); ++i) out.data()[i] = std::sqrt(in.data()[i]) / scale;
  out.store();
}

void CpuBackend::clip_factor(View norm, const TensorView* loss_scale, View factor, double clip) {
  const double scale = loss_scale ? scalar_of(*loss_scale) : 1.0;
  set_scalar(factor, cpu::clip_factor(scalar_of(norm), clip, scale));
}

void CpuBackend::exp_avg(View m, View g, View m_out, double beta1) {
  expect_same_count(m, g);
  expect_same_count(m, m_out);
  with_compute_type(m_out, [&]<class C>(C) {
    const Input<C> moment(scratch_, m);
    const Input<C> gradient(scratch_, g);
    Output<C> out(scratch_, m_out);
    cpu::exp_avg(m.elements(), moment.data(), gradient.data(), out.data(), beta1);
    out.store();
  });
}

void CpuBackend::exp_avg_sq(View v, View g, View v_out, double beta2) {
  expect_same_count(v, g);
  expect_same_count(v, v_out);
  with_compute_type(v_out, [&]<class C>(C) {
    const Input<C> moment(scratch_, v);
    const Input<C> gradient(scratch_, g);
    Output<C> out(scratch_, v_out);
    cpu::exp_avg_sq(v.elements(), moment.data(), gradient.data(), out.data(), beta2);
    out.store();
  });
}

void CpuBackend::adamw(View p, View m, View v, View lr, View c1, View c2, View p_out, double eps,
                       double weight_decay) {
  expect_same_count(p, m);
  expect_same_count(p, v);
  expect_same_count(p, p_out);
  with_compute_type(p_out, [&]<class C>(C) {
    const AdamwScalars<C> scalars{static_cast<C>(scalar_of(lr)), static_cast<C>(scalar_of(c1)),
                                  static_cast<C>(scalar_of(c2)), static_cast<C>(eps),
                                  static_cast<C>(weight_decay)};
    const Input<C> parameter(scratch_, p);
    const Input<C> first(scratch_, m);
    const Input<C> second(scratch_, v);
    Output<C> out(scratch_, p_out);
    cpu::adamw(p.elements(), parameter.data(), first.data(), second.data(), out.data(), scalars);
    out.store();
  });
}

void CpuBackend::add_scaled(View a, View b, View y, double factor) {
  expect_same_count(a, b);
  expect_same_count(a, y);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> left(scratch_, a), right(scratch_, b);
    Output<C> out(scratch_, y);
    cpu::add_scaled(y.elements(), left.data(), right.data(), out.data(), static_cast<C>(factor));
    out.store();
  });
}

void CpuBackend::sgd(View p, View g, View lr, View p_out) {
  add_scaled(p, g, p_out, -scalar_of(lr));  // p + RN(-lr g), to the bit
}

void CpuBackend::checksum(View x, View out) {
  SHARDPROOF_EXPECTS(out.dtype == Dtype::fp64 && out.elements() == 2, to_string(out.shape));
  const std::uint64_t hash = tensor_hash({x.data, x.bytes()});
  const double halves[2] = {static_cast<double>(hash >> 32),
                            static_cast<double>(hash & 0xffffffffU)};
  std::memcpy(out.data, halves, sizeof(halves));
}

void CpuBackend::differ(View a, View b, View flag) {
  expect_same_count(a, b);
  SHARDPROOF_EXPECTS(a.dtype == b.dtype, name_of(a.dtype), name_of(b.dtype));
  set_scalar(flag, std::memcmp(a.data, b.data, a.bytes()) == 0 ? 0.0 : 1.0);
}

}  // namespace shardproof::real
