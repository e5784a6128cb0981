#include "scenarios/plan/pieces.hpp"

#include <algorithm>
#include <cstring>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

// Shows the axes that hold different tensors of one shape as leading axes (tp outermost).
Piece with_leading_axes(Piece piece, const Placement& placement, const ProcessGrid& grid,
                        Rank rank) {
  for (const Axis axis : {Axis::dp, Axis::tp}) {
    if (placement.on(axis).kind != AxisPlacement::Kind::partial) continue;
    piece.full_shape.insert(piece.full_shape.begin(), grid.size(axis));
    for (Region& region : piece.regions) {
      region.offset.insert(region.offset.begin(), grid.group_rank(rank, axis).value);
      region.extent.insert(region.extent.begin(), 1);
    }
  }
  return piece;
}

// What the box has in common with a box of the local tensor; an empty box if nothing.
HeldBox common(HeldBox box, const Region& local) {
  for (std::size_t d = 0; d < local.offset.size(); ++d) {
    const std::int64_t begin = std::max(box.local.offset[d], local.offset[d]);
    const std::int64_t end =
        std::min(box.local.offset[d] + box.local.extent[d], local.offset[d] + local.extent[d]);
    box.full.offset[d] += begin - box.local.offset[d];
    box.local.offset[d] = begin;
    box.full.extent[d] = box.local.extent[d] = std::max<std::int64_t>(end - begin, 0);
  }
  return box;
}

// Adds a box of a local tensor of shape `local` that begins at element `base` of the buffer.
void append(Piece& piece, HeldBox box, const Shape& local, std::int64_t base) {
  if (element_count(box.full) == 0) return;
  for (const Run& run : runs_of(box.local, local))
    piece.runs.push_back({base + run.first, run.count});
  piece.regions.push_back(std::move(box.full));
}

Piece tensor_piece(const Program& program, const Value& value, Rank rank, const RowCounts& rows) {
  const ProcessGrid grid = program.grid();
  const Shape local = local_shape(program, value, rank, rows);
  Piece piece{.name = value.name,
              .full_shape = value.shape,
              .regions = {},
              .runs = {},
              .placement = value.placement};
  for (const HeldBox& box : held_boxes(value.shape, value.placement, grid, rank))
    append(piece, common(box, whole(local)), local, 0);
  return with_leading_axes(std::move(piece), value.placement, grid, rank);
}

// The elements [part.begin, part.begin + part.count) of a parameter's shard, which begins at
// element `base` of the buffer.
Piece parameter_piece(const ProcessGrid& grid, Rank rank, const FlatLayout::Entry& entry,
                      const std::string& name, const Stretch& part, std::int64_t base) {
  const Shape local = local_shape(entry.shape, entry.placement, grid, rank);
  const std::vector<HeldBox> boxes = held_boxes(entry.shape, entry.placement, grid, rank);
  Piece piece{.name = name,
              .full_shape = entry.shape,
              .regions = {},
              .runs = {},
              .placement = entry.placement};
  for (const Region& range : flat_range(whole(local), part.begin, part.begin + part.count))
    for (const HeldBox& box : boxes) append(piece, common(box, range), local, base);
  return piece;
}

// Padding belongs to no parameter; it is shown as a tensor with a row for each TP rank, as long as
// the longest.
Piece padding_piece(const Program& program, const FlatLayout& layout, Rank rank,
                    const std::string& name, const Stretch& part, std::int64_t base) {
  const ProcessGrid grid = program.grid();
  std::int64_t longest = 0;
  for (int tp = 0; tp < program.tp; ++tp) {
    const FlatTable table = flat_table(layout, grid, grid.rank_at(GroupRank{tp}, GroupRank{0}));
    longest = std::max(longest, table.padded - table.elements);
  }
  const std::int64_t row = grid.group_rank(rank, Axis::tp).value;
  return {.name = name,
          .full_shape = {program.tp, longest},
          .regions = {{{row, part.begin}, {1, part.count}}},
          .runs = {{base + part.begin, part.count}},
          .placement = {shard(0), replicate()},
          .is_padding = true};
}

std::vector<Piece> flat_pieces(const Program& program, const Value& value, Rank rank) {
  const FlatLayout& layout = program.layouts.at(static_cast<std::size_t>(value.layout));
  const ProcessGrid grid = program.grid();
  const FlatTable table = flat_table(layout, grid, rank);
  const Stretch mine = owned_stretch(table, value.placement, grid, rank);
  const Placement leading{replicate(), value.placement.dp};
  std::vector<Piece> pieces;
  const bool all_own_everything =
      value.placement.dp.kind == AxisPlacement::Kind::flat && table.owners == 1;
  const auto add = [&](Piece piece) {
    piece.placement.dp = all_own_everything ? replicate() : value.placement.dp;
    pieces.push_back(with_leading_axes(std::move(piece), leading, grid, rank));
  };
  for (std::size_t i = 0; i < layout.entries.size(); ++i) {
    const FlatLayout::Entry& entry = layout.entries[i];
    const Stretch& all = table.parts[i];
    const Stretch part = all.count == 0 ? all : shared(all, mine);
    if (part.count == 0 && all.count > 0) continue;  // other owners have it
    add(parameter_piece(grid, rank, entry, with_parameter(value.name, entry.parameter),
                        {part.begin - all.begin, part.count}, all.begin - mine.begin));
  }
  const std::string of_group = layout.name.empty() ? "" : "/" + layout.name;
  const Stretch padding{table.elements, table.padded - table.elements};
  const Stretch part = shared(padding, mine);
  if (part.count > 0)
    add(padding_piece(program, layout, rank, with_parameter(value.name, "padding" + of_group),
                      {part.begin - padding.begin, part.count}, padding.begin - mine.begin));
  return pieces;
}

}  // namespace

std::string with_parameter(std::string name, const std::string& parameter) {
  const auto star = name.find('*');
  SHARDPROOF_EXPECTS(star != std::string::npos, "a flat value's name needs a '*':", name);
  return name.replace(star, 1, parameter);
}

std::vector<Piece> pieces_of(const Program& program, const Value& value, Rank rank,
                             const RowCounts& rows) {
  if (value.layout >= 0) return flat_pieces(program, value, rank);
  return {tensor_piece(program, value, rank, rows)};
}

std::int64_t element_count(const Piece& piece) { return element_count(piece.regions); }

std::vector<std::byte> stored_bytes(const Piece& piece, std::span<const std::byte> buffer,
                                    std::size_t element_bytes) {
  std::vector<std::byte> stored;
  stored.reserve(static_cast<std::size_t>(element_count(piece)) * element_bytes);
  for (const Run& run : piece.runs) {
    const auto part = buffer.subspan(static_cast<std::size_t>(run.first) * element_bytes,
                                     static_cast<std::size_t>(run.count) * element_bytes);
    stored.insert(stored.end(), part.begin(), part.end());
  }
  return stored;
}

void put_back(const Piece& piece, std::span<const std::byte> stored, std::size_t element_bytes,
              std::span<std::byte> buffer) {
  SHARDPROOF_EXPECTS(
      stored.size() == static_cast<std::size_t>(element_count(piece)) * element_bytes, piece.name,
      stored.size());
  for (const Run& run : piece.runs) {
    const std::size_t bytes = static_cast<std::size_t>(run.count) * element_bytes;
    std::memcpy(buffer.data() + static_cast<std::size_t>(run.first) * element_bytes, stored.data(),
                bytes);
    stored = stored.subspan(bytes);
  }
}

std::optional<std::int64_t> position_in(const Piece& piece, std::int64_t buffer_element) {
  std::int64_t before = 0;  // stored elements of earlier runs
  for (const Run& run : piece.runs) {
    if (run.first <= buffer_element && buffer_element < run.first + run.count)
      return before + buffer_element - run.first;
    before += run.count;
  }
  return std::nullopt;
}

std::optional<Shape> index_in_full(const Piece& piece, std::int64_t buffer_element) {
  const auto position = position_in(piece, buffer_element);
  return position ? std::optional(index_in_full(piece.regions, *position)) : std::nullopt;
}

}  // namespace shardproof
