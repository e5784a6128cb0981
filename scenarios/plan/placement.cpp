#include "scenarios/plan/placement.hpp"

#include <algorithm>
#include <numeric>
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
  for (const std::vector<std::int64_t>& block : widths)
    if (block.size() != widths[0].size()) return std::nullopt;
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

Widths widths_in_full(std::int64_t total, const Widths& widths, int n) {
  if (widths.empty()) {
    SHARDPROOF_EXPECTS(total % n == 0, total, "is not divisible by", n);
    return {std::vector<std::int64_t>(static_cast<std::size_t>(n), total / n)};
  }
  std::int64_t sum = 0;
  for (const std::vector<std::int64_t>& block : widths) {
    SHARDPROOF_EXPECTS(block.size() == static_cast<std::size_t>(n), block.size(), n);
    sum = std::accumulate(block.begin(), block.end(), sum);
  }
  SHARDPROOF_EXPECTS(sum == total, "widths cover", sum, "of", total);
  return widths;
}

std::vector<Stretch> stretches_of(std::int64_t total, const Widths& widths, int n, GroupRank r) {
  std::vector<Stretch> stretches;
  std::int64_t block_begin = 0;
  for (const std::vector<std::int64_t>& block : widths_in_full(total, widths, n)) {
    const auto mine = block.begin() + r.value;
    const std::int64_t begin = std::accumulate(block.begin(), mine, block_begin);
    if (!stretches.empty() && stretches.back().begin + stretches.back().count == begin)
      stretches.back().count += *mine;
    else if (*mine > 0)
      stretches.push_back({begin, *mine});
    block_begin = std::accumulate(block.begin(), block.end(), block_begin);
  }
  return stretches;
}

namespace {

// What `rank` holds along each dimension; a dimension that is not cut is one stretch, even if
// empty.
std::vector<std::vector<Stretch>> held_stretches(const Shape& shape, const Placement& placement,
                                                 const ProcessGrid& grid, Rank rank) {
  std::vector<std::vector<Stretch>> stretches;
  for (const std::int64_t extent : shape) stretches.push_back({{0, extent}});
  for (const Axis axis : {Axis::tp, Axis::dp}) {
    const AxisPlacement& on = placement.on(axis);
    if (on.kind != AxisPlacement::Kind::shard) continue;
    const auto dim = static_cast<std::size_t>(on.dim);
    SHARDPROOF_EXPECTS(dim < shape.size(), dim, to_string(shape));
    SHARDPROOF_EXPECTS(axis == Axis::tp || placement.tp.kind != AxisPlacement::Kind::shard ||
                           placement.tp.dim != on.dim,
                       "one dimension is cut over both axes:", to_string(placement));
    stretches[dim] =
        stretches_of(shape[dim], on.widths, grid.size(axis), grid.group_rank(rank, axis));
  }
  return stretches;
}

}  // namespace

std::vector<HeldBox> held_boxes(const Shape& shape, const Placement& placement,
                                const ProcessGrid& grid, Rank rank) {
  std::vector<HeldBox> boxes(1);
  for (const std::vector<Stretch>& along : held_stretches(shape, placement, grid, rank)) {
    std::vector<HeldBox> longer;
    for (const HeldBox& box : boxes) {
      std::int64_t local_begin = 0;
      for (const Stretch& stretch : along) {
        HeldBox& next = longer.emplace_back(box);
        next.full.offset.push_back(stretch.begin);
        next.full.extent.push_back(stretch.count);
        next.local.offset.push_back(local_begin);
        next.local.extent.push_back(stretch.count);
        local_begin += stretch.count;
      }
    }
    boxes = std::move(longer);
  }
  return boxes;
}

std::vector<Region> regions_of(const Shape& shape, const Placement& placement,
                               const ProcessGrid& grid, Rank rank) {
  std::vector<Region> regions;
  for (HeldBox& box : held_boxes(shape, placement, grid, rank))
    regions.push_back(std::move(box.full));
  return regions;
}

Shape local_shape(const Shape& shape, const Placement& placement, const ProcessGrid& grid,
                  Rank rank) {
  Shape local;
  for (const std::vector<Stretch>& along : held_stretches(shape, placement, grid, rank)) {
    local.push_back(0);
    for (const Stretch& stretch : along) local.back() += stretch.count;
  }
  return local;
}

}  // namespace shardproof
