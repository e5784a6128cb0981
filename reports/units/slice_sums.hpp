#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "reports/values/tensor_view.hpp"
#include "scenarios/dtype.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::reports {

/// Where what `rank` keeps of a bucket goes in its slices, for an accumulate_slices.
std::vector<Kept> kept_of(const Program& program, const Op& op, Rank rank);

/// The elements [first, first + out / size) that `rank` must have in its slices after one: those of
/// before, and where the bucket has parameters of theirs, the sum, rounded once to `dtype`, the
/// policy's of accumulators. Slices of another dtype keep theirs (which check_policy reports).
void slices_after(std::span<const Kept> kept, Dtype dtype, const TensorView& slices,
                  const TensorView& bucket, std::int64_t first, std::span<std::byte> out);

}  // namespace shardproof::reports
