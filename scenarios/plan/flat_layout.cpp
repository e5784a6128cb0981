#include "scenarios/plan/flat_layout.hpp"

#include <algorithm>
#include <map>

namespace shardproof {

FlatTable flat_table(const FlatLayout& layout, const ProcessGrid& grid, Rank rank) {
  FlatTable table;
  table.owners = layout.owners;
  for (const FlatLayout::Entry& entry : layout.entries) {
    const std::int64_t count = element_count(local_shape(entry.shape, entry.placement, grid, rank));
    table.parts.push_back({table.elements, count});
    table.elements += count;
  }
  const std::int64_t alignment = layout.owners > 1 ? 2 * layout.owners : 1;
  table.padded = (table.elements + alignment - 1) / alignment * alignment;
  return table;
}

Stretch owned_stretch(const FlatTable& table, const Placement& placement, const ProcessGrid& grid,
                      Rank rank) {
  if (placement.dp.kind != AxisPlacement::Kind::flat) return {0, table.padded};
  const std::int64_t owner = table.owners > 1 ? grid.group_rank(rank, Axis::dp).value : 0;
  return {owner * table.slice(), table.slice()};
}

Stretch shared(const Stretch& part, const Stretch& owned) {
  const std::int64_t begin = std::max(part.begin, owned.begin);
  const std::int64_t end = std::min(part.begin + part.count, owned.begin + owned.count);
  return {begin, std::max<std::int64_t>(end - begin, 0)};
}

std::vector<Stretch> counted_ranges(const FlatLayout& layout, const Placement& placement,
                                    const ProcessGrid& grid, Rank rank) {
  const bool first = grid.group_rank(rank, Axis::tp).value == 0;
  const FlatTable table = flat_table(layout, grid, rank);
  const Stretch mine = owned_stretch(table, placement, grid, rank);
  std::vector<Stretch> ranges;
  for (std::size_t i = 0; i < layout.entries.size(); ++i) {
    if (!first && layout.entries[i].placement.tp.kind == AxisPlacement::Kind::replicate) continue;
    const Stretch part = shared(table.parts[i], mine);
    if (part.count > 0) ranges.push_back({part.begin - mine.begin, part.count});
  }
  return ranges;
}

std::vector<Kept> kept_of(const FlatLayout& bucket, const FlatLayout& vector,
                          const Placement& slices, const ProcessGrid& grid, Rank rank) {
  const FlatTable table = flat_table(vector, grid, rank);
  const Stretch mine = owned_stretch(table, slices, grid, rank);
  std::map<std::string, Stretch> parts;
  for (std::size_t i = 0; i < table.parts.size(); ++i)
    parts[vector.entries[i].parameter] = table.parts[i];

  const FlatTable sent = flat_table(bucket, grid, rank);
  std::vector<Kept> kept;
  for (std::size_t i = 0; i < sent.parts.size(); ++i) {
    const auto part = parts.find(bucket.entries[i].parameter);
    if (part == parts.end()) continue;  // of another parameter group
    const Stretch here = shared(part->second, mine);
    if (here.count > 0)
      kept.push_back({sent.parts[i].begin + here.begin - part->second.begin,
                      here.begin - mine.begin, here.count});
  }
  return kept;
}

}  // namespace shardproof
