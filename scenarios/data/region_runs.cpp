#include "scenarios/data/region_runs.hpp"

namespace shardproof {

namespace {

// How many elements lie side by side for sure: those of the trailing dimensions that the region
// covers, and of one more.
std::int64_t side_by_side(const Region& region, const Shape& shape) {
  std::int64_t count = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    count *= region.extent[d];
    if (region.extent[d] != shape[d]) break;
  }
  return count;
}

}  // namespace

std::vector<Run> runs_of(const Region& region, const Shape& shape) {
  std::vector<Run> runs;
  const std::int64_t count = element_count(region);
  const std::int64_t row = side_by_side(region, shape);
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
