#pragma once

#include <cstddef>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::reports {

/// The bytes that `rank` must have in its slices after an accumulate_slices: those of before, and
/// where the bucket has parameters of theirs, the sum, rounded once to `dtype`, the policy's of
/// accumulators. Slices of another dtype keep theirs (which check_policy reports).
std::vector<std::byte> slices_after(const Program& program, const Op& op, Rank rank, Dtype dtype,
                                    const std::vector<std::byte>& slices,
                                    const std::vector<std::byte>& bucket);

}  // namespace shardproof::reports
