#pragma once

#include <cstdint>
#include <span>

#include "reference/ops/product.hpp"

namespace shardproof::reference {

/// The sums S of the magnitudes of a product's terms, in fp32: half the time and the bytes of fp64
/// where only an upper bound of S is asked for.
///
///   true S <= factor * s + absolute
///
/// for each s that magnitude_product wrote, also infinity, but not NaN (an infinity times 0).
/// Compute in fp64 what is not finite.
struct MagnitudeBound {
  double factor;    // 1 / (1 - K u), u = 2^-24; infinity from K u = 1/2 on
  double absolute;  // K 2^-126
};

/// For sums of K terms, in any order, with products and additions fused or not, with results below
/// 2^-126 kept or flushed to zero; docs/bounds.md has the proof.
MagnitudeBound magnitude_bound(std::int64_t K);

/// c (a.height, b.width) = a b. The factors' values are magnitudes: exact, or rounded up, and none
/// negative. BLAS or plain loops, spot checks and threads as of product().
void magnitude_product(const FactorOf<float>& a, const FactorOf<float>& b, std::span<float> c);

}  // namespace shardproof::reference
