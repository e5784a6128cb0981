#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "real/comm/communicator.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::sim {

/// What a collective leaves on every member, computed from all members' inputs at once by the
/// formulas of the pinned orders (DESIGN section 4): no messages, no chunks that travel. It shares
/// no code with real/comm, whose results must be the same bits.
///
///   rank_order   element i: ((x0[i] + x1[i]) + x2[i]) + ...
///   library      as ring: one of the orders that a library may take
///   ring         element i of chunk c = [floor(c N / n), floor((c+1) N / n)): the members in the
///                order c+1, c+2, ..., n-1, 0, ..., c
///
/// Elements of `in_rank_order` are added so in a ring, too.
///
/// inputs: by group rank, equally long, elements of `dtype`. Each addition is rounded to `wire`, to
/// which the inputs are rounded first. In a group of one the input's bits come back.
std::vector<std::byte> result_of(real::CollectiveRequest::Kind kind, ReductionOrder order,
                                 Dtype dtype, Dtype wire,
                                 std::span<const std::span<const std::byte>> inputs,
                                 const std::vector<Stretch>& in_rank_order = {});

}  // namespace shardproof::sim
