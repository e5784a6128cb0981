#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// The factor that all recorded numbers have too much or too little: a whole number, one over it,
/// either's negative, or zero, and not one. The commonest class of wrong gradient: a sum for a
/// mean, a mean taken twice, a scale that was never taken back.
///
/// Nothing unless that is certain. Every element must lie in the acceptance set of the factor times
/// what was expected, and those outside their own set (`wrong` of them) must have more bits in
/// common than chance gives.
///
/// `room`: what each acceptance set allows before the last rounding; empty: nothing.
std::optional<double> common_factor(Dtype storage, std::span<const double> expected,
                                    std::span<const double> room, std::span<const double> recorded,
                                    std::int64_t wrong);

}  // namespace shardproof::reports
