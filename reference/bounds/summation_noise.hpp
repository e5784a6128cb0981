#pragma once

#include <cstdint>
#include <span>

/// What rounding does to one sum in fp32 if roundings are as random as they look: the statistical
/// bound of bounds.hpp's sums, of which nobody knows the order (docs/suspects.md).
namespace shardproof::reference {

/// One sum of n terms, added in one order: in fp32, each addition rounded, and in fp64.
struct SumInOrder {
  double computed = 0;  // by fp32; of a term that is no number of fp32, its rounding is added
  double exact = 0;     // by fp64
  double squares = 0;   // of the partial sums, and of the terms that were rounded
};

/// Adds every lanes-th term side by side, and the lanes pairwise. One lane: the terms one after
/// another; as many as terms: pairwise. Of none: 0.
///
///     (1, 2, 3) in 2 lanes: (1 + 3) + 2; partial sums 1, 4, 2, 6, of squares 57
SumInOrder summed_in_lanes(std::span<const double> terms, std::int64_t lanes);

struct SummationNoise {
  double exact = 0;  // the sum
  double walk = 0;   // u sqrt(sum of the squares of the partial sums), the largest of the orders
  double seen = 0;   // |computed - exact|, the largest of the orders
  double worst = 0;  // the bound of any order: (n - 1 + q) u S (sums.hpp)
  double least = 0;  // what has nothing to do with chance: underflow, the error of `exact` itself
};

/// Adds the terms one after another, backwards, pairwise, and in 2, 4, ..., 64 lanes. If a sum's
/// roundings are martingale differences, each at most u times its partial sum, then
///     P(|error| > z walk) <= 2 exp(-z^2 / 2)
/// (Azuma 1967, Hoeffding 1963; for rounding errors Ipsen & Zhou 2020, arXiv:1904.06276, and
/// Hallman & Ipsen 2023). They are not for terms that are all alike, vary slowly, or are one large
/// and many small: there `seen` says what such terms do.
SummationNoise summation_noise(std::span<const double> terms);

}  // namespace shardproof::reference
