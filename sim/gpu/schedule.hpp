#pragma once

#include <cstdint>
#include <vector>

namespace shardproof::sim::gpu {

/// The next number of the schedule's seed, below `limit`.
std::uint32_t next_choice(std::uint32_t limit);

/// 0 ... count - 1 in the order of the schedule: ascending, descending or shuffled.
void fill_with_order(std::vector<std::uint32_t>& order, std::uint32_t count);

}  // namespace shardproof::sim::gpu
