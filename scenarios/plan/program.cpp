#include "scenarios/plan/program.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof {

std::string full_name(const Op& op) { return op.module + "/" + op.phase + "/" + op.name; }

std::string writer_name(const Op& op) {
  std::string name = full_name(op);
  if (op.kind == OpKind::wait && name.ends_with(".wait")) name.resize(name.size() - 5);
  return name;
}

namespace {
template <class T>
const T& attribute(const Op& op, const std::string& key) {
  const auto found = op.attributes.find(key);
  SHARDPROOF_EXPECTS(found != op.attributes.end(), full_name(op), "has no attribute", key);
  const T* value = std::get_if<T>(&found->second);
  SHARDPROOF_EXPECTS(value != nullptr, full_name(op), "attribute of another type:", key);
  return *value;
}
}  // namespace

std::int64_t integer(const Op& op, const std::string& key) {
  return attribute<std::int64_t>(op, key);
}
double real_number(const Op& op, const std::string& key) { return attribute<double>(op, key); }
const std::string& text(const Op& op, const std::string& key) {
  return attribute<std::string>(op, key);
}

int Program::segment_index(const std::string& name) const {
  const auto found = std::find_if(segments.begin(), segments.end(),
                                  [&](const Segment& segment) { return segment.name == name; });
  SHARDPROOF_EXPECTS(found != segments.end(), "no segment", name);
  return static_cast<int>(found - segments.begin());
}

const Segment& Program::segment(const std::string& name) const {
  return segments[static_cast<std::size_t>(segment_index(name))];
}

Segment& Program::segment(const std::string& name) {
  return segments[static_cast<std::size_t>(segment_index(name))];
}

Shape local_shape(const Program& program, const Value& value, Rank rank) {
  if (value.placement.dp.kind == AxisPlacement::Kind::flat)
    return {program.layouts.at(static_cast<std::size_t>(value.layout)).slice()};
  return region_of(value.shape, value.placement, program.grid(), rank).extent;
}

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

std::string with_parameter(std::string name, const std::string& parameter) {
  const auto star = name.find('*');
  SHARDPROOF_EXPECTS(star != std::string::npos, "a flat value's name needs a '*':", name);
  return name.replace(star, 1, parameter);
}

std::vector<Piece> flat_pieces(const Program& program, const Value& value, Rank rank) {
  const FlatLayout& layout = program.layouts.at(static_cast<std::size_t>(value.layout));
  const ProcessGrid grid = program.grid();
  const Stretch mine = owned_stretch(layout, value.placement, grid, rank);
  std::vector<Piece> pieces;
  for (const FlatLayout::Entry& entry : layout.entries) {
    const std::int64_t begin = std::max(entry.offset, mine.begin);
    const std::int64_t end = std::min(entry.offset + entry.count, mine.begin + mine.count);
    if (begin >= end) continue;
    const Region box = region_of(entry.shape, entry.placement, grid, rank);
    Piece piece{with_parameter(value.name, entry.parameter), entry.shape,
                flat_range(box, begin - entry.offset, end - entry.offset), begin - mine.begin,
                end - begin};
    pieces.push_back(
        with_leading_axes(std::move(piece), {replicate(), value.placement.dp}, grid, rank));
  }
  const std::int64_t padding_begin = std::max(layout.elements, mine.begin);
  const std::int64_t padding_end = mine.begin + mine.count;
  if (padding_begin < padding_end) {
    // Padding belongs to no parameter; it is shown whole, one row a TP rank.
    const std::int64_t all = layout.padded - layout.elements;
    Piece piece{with_parameter(value.name, "padding"),
                {program.tp, all},
                {{{grid.group_rank(rank, Axis::tp).value, padding_begin - layout.elements},
                  {1, padding_end - padding_begin}}},
                padding_begin - mine.begin,
                padding_end - padding_begin};
    pieces.push_back(
        with_leading_axes(std::move(piece), {replicate(), value.placement.dp}, grid, rank));
  }
  return pieces;
}

}  // namespace

std::vector<Piece> pieces_of(const Program& program, const Value& value, Rank rank) {
  if (value.layout >= 0) return flat_pieces(program, value, rank);
  const ProcessGrid grid = program.grid();
  const Region region = region_of(value.shape, value.placement, grid, rank);
  return {with_leading_axes({value.name, value.shape, {region}, 0, element_count(region)},
                            value.placement, grid, rank)};
}

}  // namespace shardproof
