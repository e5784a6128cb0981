#include "real/cpu/layer_norm.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::real::cpu {

namespace {
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

template <class C>
void backward_row(std::int64_t H, const C* dy, const C* x, const C* weight, C* dx,
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
}  // namespace

template <class C>
void layer_norm(RowExtents extents, const C* x, const C* weight, const C* bias, C* y, C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t r = 0; r < rows; ++r, x += H, y += H) {
    const RowMoments<C> row(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) y[i] = row.normalised(x[i]) * weight[i] + bias[i];
  }
}

template <class C>
void layer_norm_backward_input(RowExtents extents, const C* dy, const C* x, const C* weight, C* dx,
                               C eps) {
  const auto [rows, H] = extents;
  for (std::int64_t r = 0; r < rows; ++r, dy += H, x += H, dx += H)
    backward_row(H, dy, x, weight, dx, RowMoments<C>(x, H, eps));
}

template <class C>
void layer_norm_backward_weight(RowExtents extents, const C* dy, const C* x, C* dweight, C eps) {
  const auto [rows, H] = extents;
  std::fill_n(dweight, H, C{0});
  for (std::int64_t r = 0; r < rows; ++r, dy += H, x += H) {
    const RowMoments<C> row(x, H, eps);
    for (std::int64_t i = 0; i < H; ++i) dweight[i] += dy[i] * row.normalised(x[i]);
  }
}

template void layer_norm(RowExtents, const float*, const float*, const float*, float*, float);
template void layer_norm(RowExtents, const double*, const double*, const double*, double*, double);
template void layer_norm_backward_input(RowExtents, const float*, const float*, const float*,
                                        float*, float);
template void layer_norm_backward_input(RowExtents, const double*, const double*, const double*,
                                        double*, double);
template void layer_norm_backward_weight(RowExtents, const float*, const float*, float*, float);
template void layer_norm_backward_weight(RowExtents, const double*, const double*, double*, double);

}  // namespace shardproof::real::cpu
