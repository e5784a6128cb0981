#include "reports/compare/common_factor.hpp"

#include <algorithm>
#include <cmath>

#include "reports/compare/rounding_set.hpp"

namespace shardproof::reports {

namespace {

constexpr double largest = 0x1p40;  // a loss scale that was forgotten is a factor too

// The whole number, or one over it, that is nearest.
double nearest_factor(double quotient) {
  const double size = std::fabs(quotient);
  const double whole = size >= 1 ? std::round(size) : 1 / std::round(1 / size);
  return std::copysign(whole, quotient);
}

}  // namespace

void FactorSearch::look_at(std::span<const double> expected, std::span<const double> recorded) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (seen_ && !(std::fabs(expected[i]) > std::fabs(expected_))) continue;
    seen_ = true;
    expected_ = expected[i];
    recorded_ = recorded[i];
  }
}

std::optional<double> FactorSearch::candidate() const {
  if (!seen_ || storage_ == Dtype::int64 ||
      wrong_ * format_of(storage_).precision < bits_beyond_chance)
    return std::nullopt;
  const double quotient = recorded_ / expected_;
  if (!std::isfinite(quotient) || std::fabs(quotient) > largest) return std::nullopt;
  if (std::fabs(quotient) < 1 / largest) return recorded_ == 0 ? std::optional(0.0) : std::nullopt;
  const double factor = nearest_factor(quotient);
  return factor == 1 ? std::nullopt : std::optional(factor);
}

bool FactorSearch::explains(std::span<const double> expected, std::span<const double> room,
                            std::span<const double> recorded) const {
  const std::optional<double> factor = candidate();
  if (!factor) return false;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // What is multiplied has been rounded once already.
    const double rounded = ulp(storage_, expected[i]) / 2 + (room.empty() ? 0 : room[i]);
    if (!accepts(storage_, *factor * expected[i], std::fabs(*factor) * rounded, 0, recorded[i]))
      return false;
  }
  return true;
}

std::optional<double> common_factor(Dtype storage, std::span<const double> expected,
                                    std::span<const double> room, std::span<const double> recorded,
                                    std::int64_t wrong) {
  FactorSearch search(storage, wrong);
  search.look_at(expected, recorded);
  return search.explains(expected, room, recorded) ? search.candidate() : std::nullopt;
}

}  // namespace shardproof::reports
