#pragma once

#include <cstdint>
#include <span>

#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// What the last rounding does not explain of a recorded r: the distance from f, the value in fp64,
/// to the numbers that round to r in the storage dtype. 0 where RN(f) = r. bf16 numbers near 1 are
/// 1, 1 + 2^-7, ...: for f = 1.001 and r = 1 it is 0, for r = 1 + 2^-7 it is 1 + 2^-8 - f. Beside a
/// power of two, towards zero from it, it is up to a quarter of a step too small, never too large.
/// NaN or infinity where f or r is not finite. Not of fp64 or int64.
double unexplained(Dtype storage, double f, double r);

/// The element of a tensor of which most is unexplained, as a part of its bound.
struct Residual {
  double part = 0;
  std::int64_t element = -1;  // -1: every recorded number is the rounding of its f

  /// Takes over what was found of elements behind those of this one; its element is that of the
  /// whole tensor. Of equal ones the first stays.
  void add(const Residual& later) {
    if (later.part > part) *this = later;
  }
};

/// f: values, b: their bounds, r: what was recorded, all of one length. Elements whose bound is
/// zero or whose numbers are not finite are left out.
Residual largest_residual(Dtype storage, std::span<const double> f, std::span<const double> b,
                          std::span<const double> r);

}  // namespace shardproof::reports
