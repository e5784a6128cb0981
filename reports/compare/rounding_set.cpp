#include "reports/compare/rounding_set.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

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

}  // namespace shardproof::reports
