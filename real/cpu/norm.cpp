#include "real/cpu/norm.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::real::cpu {

namespace {
template <class C>
C reciprocal_rms(const C* x, std::int64_t H, C eps) {
  C sum = 0;
  for (std::int64_t i = 0; i < H; ++i) sum += x[i] * x[i];
  return C{1} / std::sqrt(sum / static_cast<C>(H) + eps);
}

template <class C>
void backward_row(std::int64_t H, const C* dy, const C* x, const C* weight, C* dx, C R) {
  C sum = 0;
  for (std::int64_t i = 0; i < H; ++i) sum += (dy[i] * weight[i]) * (x[i] * R);
  const C mean = sum / static_cast<C>(H);
  for (std::int64_t i = 0; i < H; ++i) dx[i] = R * (dy[i] * weight[i] - (x[i] * R) * mean);
}
}  // namespace

template <class C>
void rms_norm(RowExtents extents, const C* x, const C* weight, C* y, C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t row = 0; row < rows; ++row, x += H, y += H) {
    const C R = reciprocal_rms(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) y[i] = (x[i] * R) * weight[i];
  }
}

template <class C>
void rms_norm_backward_input(RowExtents extents, const C* dy, const C* x, const C* weight, C* dx,
                             C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t row = 0; row < rows; ++row, dy += H, x += H, dx += H)
    backward_row(H, dy, x, weight, dx, reciprocal_rms(x, H, eps));
}

template <class C>
void rms_norm_backward_weight(RowExtents extents, const C* dy, const C* x, C* dweight, C eps) {
  const auto [rows, H] = extents;
  std::fill_n(dweight, H, C{0});
  for (std::int64_t row = 0; row < rows; ++row, dy += H, x += H) {
    const C R = reciprocal_rms(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) dweight[i] += dy[i] * (x[i] * R);
  }
}

template void rms_norm(RowExtents, const float*, const float*, float*, float);
template void rms_norm(RowExtents, const double*, const double*, double*, double);
template void rms_norm_backward_input(RowExtents, const float*, const float*, const float*, float*,
                                      float);
template void rms_norm_backward_input(RowExtents, const double*, const double*, const double*,
                                      double*, double);
template void rms_norm_backward_weight(RowExtents, const float*, const float*, float*, float);
template void rms_norm_backward_weight(RowExtents, const double*, const double*, double*, double);

}  // namespace shardproof::real::cpu
