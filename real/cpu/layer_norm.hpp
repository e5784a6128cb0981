#pragma once

#include "real/cpu/norm.hpp"

namespace shardproof::real::cpu {

// LayerNorm over rows of H elements: Ba et al. 2016, arXiv:1607.06450, eq. 4, with eps.
// Two passes: mu = mean(x), then the mean of (x - mu)^2; R = 1 / sqrt(that + eps). One pass,
// mean(x^2) - mu^2, would cancel. Sums run first to last. X = (x - mu) * R.

/// y = X * weight + bias.
template <class C>
void layer_norm(RowExtents extents, const C* x, const C* weight, const C* bias, C* y, C eps);

/// With g = dy * weight: dx = R * ((g - mean(g)) - X * mean(g X)).
template <class C>
void layer_norm_backward_input(RowExtents extents, const C* dy, const C* x, const C* weight, C* dx,
                               C eps);

/// dweight (H) = sum over the rows, first to last, of dy * X.
template <class C>
void layer_norm_backward_weight(RowExtents extents, const C* dy, const C* x, C* dweight, C eps);

}  // namespace shardproof::real::cpu
