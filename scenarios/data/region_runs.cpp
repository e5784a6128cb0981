#include "scenarios/data/region_runs.hpp"

namespace shardproof {

std::vector<Run> runs_of(const Region& region, const Shape& shape) {
  std::vector<Run> runs;
  const std::int64_t count = element_count(region);
  const std::int64_t row = shape.empty() ? 1 : region.extent.back();
  for (std::int64_t i = 0; i < count; i += row) {
    const std::int64_t first = ravel(index_in_full({&region, 1}, i), shape);
    if (!runs.empty() && runs.back().first + runs.back().count == first)
      runs.back().count += row;
    else
      runs.push_back({first, row});
  }
  return runs;
}

}  // namespace shardproof
