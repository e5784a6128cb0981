#include "scenarios/plan/placement.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

std::string shard_text(int dim, const Widths& widths) {
  std::string text = "shard(" + std::to_string(dim);
  for (std::size_t block = 0; block < widths.size(); ++block) {
    text += block == 0 ? ":" : " |";
    for (const std::int64_t width : widths[block]) text += " " + std::to_string(width);
  }
  return text + ")";
}

// The inverse of shard_text; nothing if it is no such text.
std::optional<AxisPlacement> shard_from(const std::string& text) {
  std::istringstream words(text);
  std::string word;
  int dim = 0;
  Widths widths;
  if (!text.starts_with("shard(") || !text.ends_with(")")) return std::nullopt;
  words.ignore(6);
  if (!(words >> dim)) return std::nullopt;
  if (words.peek() == ':') {
    words.ignore(1);
    widths.emplace_back();
  }
  while (words >> std::ws && words.peek() != ')') {
    std::int64_t width = 0;
    if (words.peek() == '|') {
      words.ignore(1);
      widths.emplace_back();
    } else if (!widths.empty() && words >> width) {
      widths.back().push_back(width);
    } else {
      return std::nullopt;
    }
  }
  AxisPlacement placement = shard(dim, std::move(widths));
  return shard_text(dim, placement.widths) == text ? std::optional(placement) : std::nullopt;
}

}  // namespace

AxisPlacement shard(int dim, Widths widths) {
  for (const std::vector<std::int64_t>& block : widths)
    for (const std::int64_t width : block)
      SHARDPROOF_EXPECTS(width >= 0 && block.size() == widths[0].size(), shard_text(dim, widths));
  const bool even =
      widths.size() == 1 && std::all_of(widths[0].begin(), widths[0].end(),
                                        [&](std::int64_t width) { return width == widths[0][0]; });
  return {AxisPlacement::Kind::shard, dim, even ? Widths{} : std::move(widths)};
}

std::string to_string(const AxisPlacement& placement) {
  switch (placement.kind) {
    case AxisPlacement::Kind::replicate: return "replicate";
    case AxisPlacement::Kind::shard: return shard_text(placement.dim, placement.widths);
    case AxisPlacement::Kind::partial: return "partial";
    case AxisPlacement::Kind::flat: return "flat";
  }
  return {};
}

AxisPlacement axis_placement_from(const std::string& text) {
  if (text == "replicate") return replicate();
  if (text == "partial") return partial();
  if (text == "flat") return flat();
  if (const auto placement = shard_from(text)) return *placement;
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
