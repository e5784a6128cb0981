#pragma once

#include <cstdint>

namespace shardproof::real::cpu {

// RMSNorm over rows of H elements: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
// R = 1 / sqrt(mean(x^2) + eps); the squares of a row are summed first to last.

struct RowExtents {
  std::int64_t rows;
  std::int64_t H;
};

/// y = (x * R) * weight.
template <class C>
void rms_norm(RowExtents extents, const C* x, const C* weight, C* y, C eps);

/// With g = dy * weight and X = x * R: dx = R * (g - X * mean(g X)).
template <class C>
void rms_norm_backward_input(RowExtents extents, const C* dy, const C* x, const C* weight, C* dx,
                             C eps);

/// dweight (H) = sum over the rows, first to last, of dy * (x * R).
template <class C>
void rms_norm_backward_weight(RowExtents extents, const C* dy, const C* x, C* dweight, C eps);

}  // namespace shardproof::real::cpu
