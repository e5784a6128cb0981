#include "reports/rounding_set.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace shardproof::reports {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// A sum evaluated upwards: one rounding to nearest is at most one step too low.
double up(double x) { return std::nextafter(x, infinity); }
double down(double x) { return std::nextafter(x, -infinity); }

// fp64 -> bf16 for normal bf16 numbers: 53 - 8 = 45 trailing bits are rounded away, ties to even.
// The carry moves into the exponent by itself.
double nearest_bf16(double value) {
  constexpr std::uint64_t dropped = 45;
  auto bits = std::bit_cast<std::uint64_t>(value);
  bits += (std::uint64_t{1} << (dropped - 1)) - 1 + ((bits >> dropped) & 1);
  bits &= ~((std::uint64_t{1} << dropped) - 1);
  return std::bit_cast<double>(bits);
}

bool accepts_fp64(double f, double room, double r) {
  if (!std::isfinite(r) || !std::isfinite(f)) return r == f;
  const double last_rounding = up(0x1p-53 * std::fabs(f));  // covers 2^-1075 too
  return std::fabs(r - f) <= up(up(room + last_rounding));
}

}  // namespace

double nearest(Dtype dtype, double value) {
  if (dtype == Dtype::fp32) return static_cast<double>(static_cast<float>(value));
  const double magnitude = std::fabs(value);
  if (dtype == Dtype::bf16 && magnitude >= 0x1p-126 && magnitude <= 0x1.fep127)
    return nearest_bf16(value);
  return round_to(dtype, value);
}

bool accepts(Dtype storage, double f, double b, double e, double r) {
  if (std::isnan(f) || std::isnan(r) || std::isnan(b) || std::isnan(e)) return false;
  const double room = b + e == 0 ? 0 : up(b + e);
  if (storage == Dtype::fp64) return accepts_fp64(f, room, r);
  if (storage == Dtype::int64) return r == f;
  const double low = room == 0 ? f : down(f - room);
  const double high = room == 0 ? f : up(f + room);
  // r is a number of the storage dtype: inside the interval it needs no rounding of the ends.
  return (low <= r || nearest(storage, low) <= r) && (r <= high || r <= nearest(storage, high));
}

double ratio(Dtype storage, double f, double b, double e, double r) {
  if (r == f) return 0;
  const double half = storage == Dtype::int64 ? 0.5 : ulp(storage, f) / 2;
  return std::fabs(r - f) / (half + b + e);
}

}  // namespace shardproof::reports
