#include "scenarios/driver/side_by_side.hpp"

#include <algorithm>

namespace shardproof {

namespace {

// Of `left`, beside what runs already.
std::uint64_t most_beside(std::span<const Load> left, const SideBySide& limits, int running,
                          int busy) {
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (limits.has_room(running, busy, left[i].processors))
      most = std::max(most, left[i].bytes + most_beside(left.subspan(i + 1), limits, running + 1,
                                                        busy + left[i].processors));
  return most;
}

}  // namespace

std::uint64_t most_at_once(std::span<const Load> loads, const SideBySide& limits) {
  return most_beside(loads, limits, 0, 0);
}

}  // namespace shardproof
