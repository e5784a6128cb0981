// RMSNorm over rows of H elements: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
// R = 1 / sqrt(mean(x^2) + eps); the squares of a row are summed first to last.
//
// LayerNorm: Ba et al. 2016, arXiv:1607.06450, eq. 4, with eps. Two passes: mu = mean(x), then the
// mean of (x - mu)^2; R = 1 / sqrt(that + eps). One pass, mean(x^2) - mu^2, would cancel. Sums run
// first to last. X = (x - mu) * R.
#include <algorithm>
#include <cmath>
#include <vector>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

// ---- RMSNorm -----------------------------------------------------------------------------------

template <class C>
C reciprocal_rms(const C* x, std::int64_t H, C eps) {
  C sum = 0;
  for (std::int64_t i = 0; i < H; ++i) sum += x[i] * x[i];
  return C{1} / std::sqrt(sum / static_cast<C>(H) + eps);
}

/// offset + weight, one rounding; without an offset the weight itself.
template <class C>
std::vector<C> shifted(const C* weight, std::int64_t H, double offset) {
  std::vector<C> sums(weight, weight + H);
  if (offset != 0)
    for (C& sum : sums) sum = static_cast<C>(offset) + sum;
  return sums;
}

/// y = (x * R) * weight.
template <class C>
void rms_norm(RowExtents extents, const C* x, const C* weight, C* y, C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t row = 0; row < rows; ++row, x += H, y += H) {
    const C R = reciprocal_rms(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) y[i] = (x[i] * R) * weight[i];
  }
}

void rms_norm(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    const RowExtents extents = norm_extents(call.in(0), call.in(1));
    const std::vector<C> weight = shifted(o.in(1), extents.H, call.attributes.offset);
    rms_norm(extents, o.in(0), weight.data(), o.out(), static_cast<C>(call.attributes.eps));
  });
}

/// With g = dy * weight and X = x * R: dx = R * (g - X * mean(g X)).
template <class C>
void rms_norm_backward_row(std::int64_t H, const C* dy, const C* x, const C* weight, C* dx, C R) {
  C sum = 0;
  for (std::int64_t i = 0; i < H; ++i) sum += (dy[i] * weight[i]) * (x[i] * R);
  const C mean = sum / static_cast<C>(H);
  for (std::int64_t i = 0; i < H; ++i) dx[i] = R * (dy[i] * weight[i] - (x[i] * R) * mean);
}

template <class C>
void rms_norm_backward_input(RowExtents extents, const C* dy, const C* x, const C* weight, C* dx,
                             C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t row = 0; row < rows; ++row, dy += H, x += H, dx += H)
    rms_norm_backward_row(H, dy, x, weight, dx, reciprocal_rms(x, H, eps));
}

void rms_norm_backward_input(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  expect_same_count(call.out(), call.in(1));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    const RowExtents extents = norm_extents(call.in(1), call.in(2));
    const std::vector<C> weight = shifted(o.in(2), extents.H, call.attributes.offset);
    rms_norm_backward_input(extents, o.in(0), o.in(1), weight.data(), o.out(),
                            static_cast<C>(call.attributes.eps));
  });
}

/// dweight (H) = the sum over the rows, first to last, of dy * (x * R).
template <class C>
void rms_norm_backward_weight(RowExtents extents, const C* dy, const C* x, C* dweight, C eps) {
  const auto [rows, H] = extents;
  std::fill_n(dweight, H, C{0});
  for (std::int64_t row = 0; row < rows; ++row, dy += H, x += H) {
    const C R = reciprocal_rms(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) dweight[i] += dy[i] * (x[i] * R);
  }
}

void rms_norm_backward_weight(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    rms_norm_backward_weight(norm_extents(call.in(1), call.out()), o.in(0), o.in(1), o.out(),
                             static_cast<C>(call.attributes.eps));
  });
}

// ---- LayerNorm ---------------------------------------------------------------------------------

/// What normalises one row: X = (x - mean) * R.
template <class C>
struct RowMoments {
  C mean = 0;
  C R = 0;

  RowMoments(const C* x, std::int64_t H, C eps) {
    C sum = 0;
    for (std::int64_t i = 0; i < H; ++i) sum += x[i];
    mean = sum / static_cast<C>(H);
    C squares = 0;
    for (std::int64_t i = 0; i < H; ++i) squares += (x[i] - mean) * (x[i] - mean);
    R = C{1} / std::sqrt(squares / static_cast<C>(H) + eps);
  }
  C normalised(C x) const { return (x - mean) * R; }
};

/// y = X * weight + bias.
template <class C>
void layer_norm(RowExtents extents, const C* x, const C* weight, const C* bias, C* y, C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t r = 0; r < rows; ++r, x += H, y += H) {
    const RowMoments<C> row(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) y[i] = row.normalised(x[i]) * weight[i] + bias[i];
  }
}

void layer_norm(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  expect_same_count(call.in(1), call.in(2));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    layer_norm(whole_extents(call.in(0), call.in(1)), o.in(0), o.in(1), o.in(2), o.out(),
               static_cast<C>(call.attributes.eps));
  });
}

/// With g = dy * weight: dx = R * ((g - mean(g)) - X * mean(g X)).
template <class C>
void layer_norm_backward_row(std::int64_t H, const C* dy, const C* x, const C* weight, C* dx,
                             const RowMoments<C>& row) {
  C sum = 0;
  C sum_with_x = 0;
  for (std::int64_t i = 0; i < H; ++i) {
    const C g = dy[i] * weight[i];
    sum += g;
    sum_with_x += g * row.normalised(x[i]);
  }
  const C mean = sum / static_cast<C>(H);
  const C mean_with_x = sum_with_x / static_cast<C>(H);
  for (std::int64_t i = 0; i < H; ++i)
    dx[i] = row.R * ((dy[i] * weight[i] - mean) - row.normalised(x[i]) * mean_with_x);
}

template <class C>
void layer_norm_backward_input(RowExtents extents, const C* dy, const C* x, const C* weight, C* dx,
                               C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t r = 0; r < rows; ++r, dy += H, x += H, dx += H)
    layer_norm_backward_row(H, dy, x, weight, dx, RowMoments<C>(x, H, eps));
}

void layer_norm_backward_input(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  expect_same_count(call.out(), call.in(1));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    layer_norm_backward_input(whole_extents(call.in(1), call.in(2)), o.in(0), o.in(1), o.in(2),
                              o.out(), static_cast<C>(call.attributes.eps));
  });
}

/// dweight (H) = the sum over the rows, first to last, of dy * X.
template <class C>
void layer_norm_backward_weight(RowExtents extents, const C* dy, const C* x, C* dweight, C eps) {
  const auto [rows, H] = extents;
  std::fill_n(dweight, H, C{0});
  for (std::int64_t r = 0; r < rows; ++r, dy += H, x += H) {
    const RowMoments<C> row(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) dweight[i] += dy[i] * row.normalised(x[i]);
  }
}

void layer_norm_backward_weight(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    layer_norm_backward_weight(whole_extents(call.in(1), call.out()), o.in(0), o.in(1), o.out(),
                               static_cast<C>(call.attributes.eps));
  });
}

}  // namespace

std::span<const KernelRow> norm_kernels() {
  static constexpr KernelRow rows[] = {
      {OpKind::rms_norm, rms_norm},
      {OpKind::rms_norm_backward_input, rms_norm_backward_input},
      {OpKind::rms_norm_backward_weight, rms_norm_backward_weight},
      {OpKind::layer_norm, layer_norm},
      {OpKind::layer_norm_backward_input, layer_norm_backward_input},
      {OpKind::layer_norm_backward_weight, layer_norm_backward_weight},
  };
  return rows;
}

}  // namespace shardproof::real::cpu
