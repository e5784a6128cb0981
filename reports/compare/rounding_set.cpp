#include "reports/compare/rounding_set.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "scenarios/vectorised.hpp"

namespace shardproof::reports {

namespace {

// A sum evaluated upwards: one rounding to nearest is at most one step too low. (Where the step
// underflows the sum was subnormal, and exact.)
double up(double x) { return x + std::fabs(x) * 0x1p-52; }
double down(double x) { return x - std::fabs(x) * 0x1p-52; }

// 2^exponent of a finite number; 0 for a subnormal one.
double binade(double x) {
  constexpr std::uint64_t exponent_bits = 0x7ff0000000000000;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & exponent_bits);
}

double half_ulp(Dtype storage, double f) {
  if (storage == Dtype::int64) return 0.5;
  const bool bf16_or_fp32 = storage == Dtype::bf16 || storage == Dtype::fp32;
  if (!bf16_or_fp32 || std::fabs(f) >= 0x1p128) return ulp(storage, f) / 2;
  return std::max(binade(f), 0x1p-126) * (storage == Dtype::bf16 ? 0x1p-8 : 0x1p-24);
}

bool accepts_fp64(double f, double room, double r) {
  if (!std::isfinite(r) || !std::isfinite(f)) return r == f;
  const double last_rounding = std::max(up(0x1p-53 * std::fabs(f)), 0x1p-1074);
  return std::fabs(r - f) <= up(up(room + last_rounding));
}

}  // namespace

bool accepts(Dtype storage, double f, double b, double e, double r) {
  if (std::isnan(f) || std::isnan(r) || std::isnan(b) || std::isnan(e)) return false;
  const double room = b + e == 0 ? 0 : up(b + e);
  if (storage == Dtype::fp64) return accepts_fp64(f, room, r);
  if (storage == Dtype::int64) return r == f;
  const double low = room == 0 ? f : down(f - room);
  const double high = room == 0 ? f : up(f + room);
  // r is a number of the storage dtype: inside the interval it needs no rounding of the ends.
  return (low <= r || round_to(storage, low) <= r) && (r <= high || r <= round_to(storage, high));
}

double ratio(Dtype storage, double f, double b, double e, double r) {
  if (r == f) return 0;
  // Half a step of the binade in which the set ends: beside a power of two it is not that of f.
  return std::fabs(r - f) / (half_ulp(storage, std::fabs(f) + b + e) + b + e);
}

namespace {

constexpr std::uint64_t exponent_bits = 0x7ff0000000000000;
constexpr std::uint64_t fraction_bits = 0x000fffffffffffff;

/// What the look must know of a format: half a step is its binade times 2^-precision.
struct Steps {
  double half;      // 2^-precision
  double smallest;  // the smallest binade
  double range;     // what lies above overflows
};

Steps steps_of(Dtype storage) {
  const FloatFormat format = format_of(storage);
  return {std::ldexp(1.0, -format.precision), std::ldexp(1.0, format.min_exponent),
          storage == Dtype::fp64 ? std::numeric_limits<double>::max()
                                 : std::ldexp(1.0, format.max_exponent + 1)};
}

// What equals its f passes: f is a number of the format then.
SHARDPROOF_VECTORISED Screening screen_rounded(const Steps steps, const double* f, const double* b,
                                               const double* e, const double* r,
                                               std::uint8_t* doubtful, std::size_t count) {
  constexpr double inside = 1 - 0x1p-49;  // whatever the roundings of this look itself
  const auto smallest = std::bit_cast<std::int64_t>(steps.smallest);
  std::int64_t doubts = 0, largest = 0;  // numbers from 0 on are ordered as their bits are
  for (std::size_t i = 0; i < count; ++i) {
    const double off = std::fabs(r[i] - f[i]), size = std::fabs(f[i]) + b[i] + e[i];
    const auto bits = std::bit_cast<std::uint64_t>(r[i]);
    const double binade = std::bit_cast<double>(bits & exponent_bits);
    // Towards zero from a power of two the steps are half as wide.
    const double half = binade * steps.half * ((bits & fraction_bits) == 0 ? 0.5 : 1.0);
    const bool passes = (off < (b[i] + e[i] + half) * inside) | (off == 0);
    const bool counts = passes & (size < steps.range);
    doubtful[i] = static_cast<std::uint8_t>(!counts);
    doubts += counts ? 0 : 1;
    const auto at_end =
        static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(size) & exponent_bits);
    const double half_ulp =
        std::bit_cast<double>(at_end > smallest ? at_end : smallest) * steps.half;
    const auto ratio = std::bit_cast<std::int64_t>(off / (half_ulp + b[i] + e[i]));
    const std::int64_t counted = counts ? ratio : 0;
    largest = counted > largest ? counted : largest;
  }
  return {doubts, std::bit_cast<double>(largest)};
}

SHARDPROOF_VECTORISED std::int64_t differing_bits(const double* f, const double* r,
                                                  std::uint8_t* differs, std::size_t count) {
  std::uint64_t differing = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto x = std::bit_cast<std::uint64_t>(f[i]), y = std::bit_cast<std::uint64_t>(r[i]);
    const bool differ = x != y || (x & ~(std::uint64_t{1} << 63)) > exponent_bits;
    differs[i] = static_cast<std::uint8_t>(differ);
    differing += static_cast<std::uint64_t>(differ);
  }
  return static_cast<std::int64_t>(differing);
}

}  // namespace

Screening screen(Dtype storage, const double* f, const double* b, const double* e, const double* r,
                 std::span<std::uint8_t> doubtful) {
  if (storage == Dtype::int64) {  // no format of floating point
    std::ranges::fill(doubtful, std::uint8_t{1});
    return {std::ssize(doubtful), 0};
  }
  return screen_rounded(steps_of(storage), f, b, e, r, doubtful.data(), doubtful.size());
}

std::int64_t screen_bits(const double* f, const double* r, std::span<std::uint8_t> doubtful) {
  return differing_bits(f, r, doubtful.data(), doubtful.size());
}

}  // namespace shardproof::reports
