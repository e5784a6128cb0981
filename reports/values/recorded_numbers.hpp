#pragma once

#include <cstddef>
#include <span>

#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// The numbers that somebody has recorded, as decode() reads them; but a trace may hold anything,
/// and an integer that is no number of fp64, as no token and no choice is, becomes NaN.
void decode_recorded(Dtype dtype, std::span<const std::byte> bytes, std::span<double> out);

}  // namespace shardproof::reports
