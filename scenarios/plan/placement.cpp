#include "scenarios/plan/placement.hpp"

#include <charconv>

#include "scenarios/errors.hpp"

namespace shardproof {

std::string to_string(const AxisPlacement& placement) {
  switch (placement.kind) {
    case AxisPlacement::Kind::replicate: return "replicate";
    case AxisPlacement::Kind::shard: return "shard(" + std::to_string(placement.dim) + ")";
    case AxisPlacement::Kind::partial: return "partial";
    case AxisPlacement::Kind::flat: return "flat";
  }
  return {};
}

AxisPlacement axis_placement_from(const std::string& text) {
  if (text == "replicate") return replicate();
  if (text == "partial") return partial();
  if (text == "flat") return flat();
  int dim = 0;
  if (text.starts_with("shard(") &&
      std::from_chars(text.data() + 6, text.data() + text.size(), dim).ec == std::errc{})
    return shard(dim);
  throw ScenarioError("unknown placement '" + text + "'");
}

std::string to_string(const Placement& placement) {
  return "tp=" + to_string(placement.tp) + " dp=" + to_string(placement.dp);
}

Stretch even_part(std::int64_t total, int n, GroupRank r) {
  SHARDPROOF_EXPECTS(total % n == 0, total, "is not divisible by", n);
  return {total / n * r.value, total / n};
}

Region region_of(const Shape& shape, const Placement& placement, const ProcessGrid& grid,
                 Rank rank) {
  Region region = whole(shape);
  for (const Axis axis : {Axis::tp, Axis::dp}) {
    const AxisPlacement& on = placement.on(axis);
    if (on.kind != AxisPlacement::Kind::shard) continue;
    const auto dim = static_cast<std::size_t>(on.dim);
    SHARDPROOF_EXPECTS(dim < shape.size(), dim, to_string(shape));
    const Stretch part =
        even_part(region.extent[dim], grid.size(axis), grid.group_rank(rank, axis));
    region.offset[dim] += part.begin;
    region.extent[dim] = part.count;
  }
  return region;
}

Stretch owned_stretch(const FlatLayout& layout, const Placement& placement, const ProcessGrid& grid,
                      Rank rank) {
  if (placement.dp.kind != AxisPlacement::Kind::flat) return {0, layout.padded};
  const std::int64_t owner = layout.owners > 1 ? grid.group_rank(rank, Axis::dp).value : 0;
  return {owner * layout.slice(), layout.slice()};
}

FlatLayout make_flat_layout(std::vector<FlatLayout::Entry> entries, int owners,
                            const ProcessGrid& grid) {
  FlatLayout layout;
  layout.owners = owners;
  for (FlatLayout::Entry& entry : entries) {
    entry.offset = layout.elements;
    entry.count = element_count(region_of(entry.shape, entry.placement, grid, Rank{0}));
    layout.elements += entry.count;
  }
  layout.entries = std::move(entries);
  const std::int64_t alignment = owners > 1 ? 2 * owners : 1;
  layout.padded = (layout.elements + alignment - 1) / alignment * alignment;
  return layout;
}

}  // namespace shardproof
