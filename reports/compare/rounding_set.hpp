#pragma once

#include <cstdint>
#include <span>

#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// The acceptance set of one element: f the value in fp64, b the bound on everything before the
/// last rounding, e the error of f itself. With RN the rounding to the storage dtype,
///
///     accepts  iff  RN(f - b - e) <= r <= RN(f + b + e)
///
/// the end points evaluated outwards. Rounding is monotone, so this is sound, and it is tight,
/// since b leaves the last rounding out. bf16 numbers near 1: 1 - 2^-8, 1, 1 + 2^-7. For f = 1 and
/// b + e = 2^-10 only 1 is accepted; for b + e = 2^-8 + 2^-10 all three.
/// fp64: |r - f| <= b + e + 2^-53 |f| + 2^-1075, evaluated upwards. A NaN anywhere fails.
bool accepts(Dtype storage, double f, double b, double e, double r);

/// |r - f| / (half an ulp + b + e): how much of its room an element uses, half an ulp taken in the
/// binade in which the set ends. At most 1 (and a rounding of the ratio itself) where accepts()
/// holds.
double ratio(Dtype storage, double f, double b, double e, double r);

/// What one look at many elements can tell.
struct Screening {
  std::int64_t doubtful = 0;  // elements that accepts() must be asked about, one by one
  double max_ratio = 0;       // of the others
};

/// Looks at as many elements as `doubtful` has room for, without branches: those that lie between
/// the midpoints beside r, widened by b + e, are accepted. Says 1 of the others, of which some may
/// be accepted, too: at ties, of subnormals, beside an inf.
Screening screen(Dtype storage, const double* f, const double* b, const double* e, const double* r,
                 std::span<std::uint8_t> doubtful);
/// The same where bits must agree: doubtful is what has other bits, and a NaN.
std::int64_t screen_bits(const double* f, const double* r, std::span<std::uint8_t> doubtful);

}  // namespace shardproof::reports
