#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// Elements that have so many significant bits together are explained by one thing not by chance.
inline constexpr std::int64_t bits_beyond_chance = 20;

/// Searches the factor that all recorded numbers have too much or too little: a whole number, one
/// over it, either's negative, or zero, and not one. The commonest class of wrong gradient: a sum
/// for a mean, a mean taken twice, a scale that was never taken back.
///
/// Nothing unless that is certain. Every element must lie in the acceptance set of the factor times
/// what was expected, and those outside their own set (`wrong` of them) must have more bits in
/// common than chance gives. A tensor is shown part by part, all parts twice.
class FactorSearch {
 public:
  FactorSearch(Dtype storage, std::int64_t wrong) : storage_(storage), wrong_(wrong) {}

  void look_at(std::span<const double> expected, std::span<const double> recorded);
  /// When all parts were looked at: what it may be.
  std::optional<double> candidate() const;
  /// Whether the candidate explains a part. `room`: what each acceptance set allows before the last
  /// rounding; empty: nothing.
  bool explains(std::span<const double> expected, std::span<const double> room,
                std::span<const double> recorded) const;

 private:
  Dtype storage_;
  std::int64_t wrong_;
  bool seen_ = false;
  double expected_ = 0;  // the largest, which tells the quotient most exactly
  double recorded_ = 0;
};

/// The same of a tensor that is one part.
std::optional<double> common_factor(Dtype storage, std::span<const double> expected,
                                    std::span<const double> room, std::span<const double> recorded,
                                    std::int64_t wrong);

}  // namespace shardproof::reports
