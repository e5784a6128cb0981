#include "reports/compare/common_factor.hpp"

#include <algorithm>
#include <cmath>

#include "reports/compare/rounding_set.hpp"

namespace shardproof::reports {

namespace {

constexpr std::int64_t bits_beyond_chance = 20;
constexpr double largest = 0x1p40;  // a loss scale that was forgotten is a factor too

// The whole number, or one over it, that is nearest.
double nearest_factor(double quotient) {
  const double size = std::fabs(quotient);
  const double whole = size >= 1 ? std::round(size) : 1 / std::round(1 / size);
  return std::copysign(whole, quotient);
}

// Where the expected number is largest, the quotient is told most exactly.
std::optional<double> candidate(std::span<const double> expected,
                                std::span<const double> recorded) {
  std::size_t at = 0;
  for (std::size_t i = 1; i < expected.size(); ++i)
    if (std::fabs(expected[i]) > std::fabs(expected[at])) at = i;
  const double quotient = recorded[at] / expected[at];
  if (!std::isfinite(quotient) || std::fabs(quotient) > largest) return std::nullopt;
  if (std::fabs(quotient) < 1 / largest)
    return recorded[at] == 0 ? std::optional(0.0) : std::nullopt;
  const double factor = nearest_factor(quotient);
  return factor == 1 ? std::nullopt : std::optional(factor);
}

}  // namespace

std::optional<double> common_factor(Dtype storage, std::span<const double> expected,
                                    std::span<const double> room, std::span<const double> recorded,
                                    std::int64_t wrong) {
  if (storage == Dtype::int64 || expected.empty() ||
      wrong * format_of(storage).precision < bits_beyond_chance)
    return std::nullopt;
  const std::optional<double> factor = candidate(expected, recorded);
  if (!factor) return std::nullopt;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // What is multiplied has been rounded once already.
    const double rounded = ulp(storage, expected[i]) / 2 + (room.empty() ? 0 : room[i]);
    if (!accepts(storage, *factor * expected[i], std::fabs(*factor) * rounded, 0, recorded[i]))
      return std::nullopt;
  }
  return factor;
}

}  // namespace shardproof::reports
