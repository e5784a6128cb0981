#include "scenarios/settings/injection.hpp"

#include <algorithm>

namespace shardproof {

namespace {

bool holds(const std::vector<int>& subset, int number) {
  return subset.empty() || std::ranges::find(subset, number) != subset.end();
}

}  // namespace

bool Injection::active_in(int step) const { return holds(steps, step); }

bool Injection::concerns(int rank) const { return holds(ranks, rank); }

}  // namespace shardproof
