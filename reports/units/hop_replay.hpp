#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/plan/placement.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// Which elements of a longer vector some are: those from `first` on, of so many in all. Where an
/// addition of a ring begins depends on that.
struct PlaceInVector {
  std::int64_t first = 0;
  std::int64_t of = 0;  // 0: they are all
};

/// What a reduction in a pinned order must give, bit by bit, from the recorded inputs of all
/// members (in group-rank order). The judge's own arithmetic: it shares no line with sim or real.
/// Each addition is done in fp64 and rounded once to `wire`, which for fp32 and bf16 is the
/// correctly rounded sum (53 >= 2 * 24 + 2; Figueroa 1995). Elements of `in_rank_order`, which are
/// ascending, are added so in a ring, too. Throws InvariantError if the order is not pinned.
std::vector<std::byte> replay_sum(ReductionOrder order, Dtype dtype, Dtype wire,
                                  std::span<const std::vector<std::byte>> members,
                                  std::span<const Stretch> in_rank_order = {},
                                  PlaceInVector place = {});

/// The element-wise largest; NaN where any member has one.
std::vector<std::byte> replay_max(Dtype dtype, std::span<const std::vector<std::byte>> members);

}  // namespace shardproof::reports
