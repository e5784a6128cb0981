#include "reports/units/moves.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

using Bytes = std::vector<std::byte>;

std::size_t local_bytes(const Program& program, ValueId id, Rank rank) {
  const Value& value = program.value(id);
  return static_cast<std::size_t>(element_count(local_shape(program, value, rank))) *
         size_bytes(value.dtype);
}

Bytes joined(std::span<const Bytes* const> inputs) {
  Bytes all;
  for (const Bytes* input : inputs) all.insert(all.end(), input->begin(), input->end());
  return all;
}

// All parameters of the layout, then zeros; this rank's stretch of it.
Bytes flattened(const Program& program, const Op& op, Rank rank,
                std::span<const Bytes* const> inputs) {
  const Value& value = program.value(op.outputs[0]);
  const auto size = static_cast<std::int64_t>(size_bytes(value.dtype));
  const FlatTable table =
      flat_table(program.layouts.at(static_cast<std::size_t>(value.layout)), program.grid(), rank);
  Bytes all = joined(inputs);
  all.resize(static_cast<std::size_t>(table.padded * size));
  const Stretch mine = owned_stretch(table, value.placement, program.grid(), rank);
  return Bytes(all.begin() + mine.begin * size, all.begin() + (mine.begin + mine.count) * size);
}

std::vector<Bytes> unflattened(const Program& program, const Op& op, Rank rank,
                               const Bytes& input) {
  std::vector<Bytes> outputs;
  auto from = input.begin();
  for (const ValueId id : op.outputs) {
    const auto bytes = static_cast<std::ptrdiff_t>(local_bytes(program, id, rank));
    SHARDPROOF_EXPECTS(input.end() - from >= bytes, full_name(op));
    outputs.emplace_back(from, from + bytes);
    from += bytes;
  }
  return outputs;
}

// The indices `part` of dimension `dim`, and all of the others.
Region along(const Shape& shape, std::size_t dim, const Stretch& part) {
  Region region = whole(shape);
  region.offset[dim] = part.begin;
  region.extent[dim] = part.count;
  return region;
}

Bytes box_of(const Bytes& tensor, const Shape& shape, const Region& box, std::size_t size) {
  Bytes part(static_cast<std::size_t>(element_count(box)) * size);
  extract(tensor, shape, std::span(&box, 1), size, part);
  return part;
}

// The rank's part of a block, then zeros up to the widest rank's.
Bytes padded(const Program& program, const Op& op, Rank rank, const Bytes& shard) {
  const Value& value = program.value(op.inputs[0]);
  const std::size_t size = size_bytes(value.dtype);
  const auto dim = static_cast<std::size_t>(value.placement.tp.dim);
  const auto member = static_cast<std::size_t>(program.grid().group_rank(rank, Axis::tp).value);
  const Widths widths = widths_in_full(value.shape.at(dim), value.placement.tp.widths, program.tp);
  std::int64_t begin = 0;
  for (std::int64_t block = 0; block < integer(op, "block"); ++block)
    begin += widths.at(static_cast<std::size_t>(block)).at(member);
  const std::int64_t width = widths.at(static_cast<std::size_t>(integer(op, "block"))).at(member);

  const Shape from = local_shape(program, value, rank);
  const Shape to = local_shape(program, program.value(op.outputs[0]), rank);
  Bytes bytes(local_bytes(program, op.outputs[0], rank));
  const Region target = along(to, dim, {0, width});
  scatter(box_of(shard, from, along(from, dim, {begin, width}), size), std::span(&target, 1), to,
          size, bytes);
  return bytes;
}

// Each block's stacked parts, without their padding, to where they belong in the full tensor.
Bytes concatenated(const Program& program, const Op& op, Rank rank,
                   std::span<const Bytes* const> inputs) {
  const Value& value = program.value(op.outputs[0]);
  const std::size_t size = size_bytes(value.dtype);
  const AxisPlacement cut = cut_of(op, program.tp);
  const auto dim = static_cast<std::size_t>(cut.dim);
  const Shape full = local_shape(program, value, rank);
  const Widths widths = widths_in_full(full.at(dim), cut.widths, program.tp);
  SHARDPROOF_EXPECTS(widths.size() == inputs.size(), full_name(op), inputs.size());
  Bytes bytes(local_bytes(program, op.outputs[0], rank));
  std::int64_t begin = 0;
  for (std::size_t block = 0; block < inputs.size(); ++block) {
    const Shape stacked = local_shape(program, program.value(op.inputs[block]), rank);
    for (int t = 0; t < program.tp; ++t) {
      const std::int64_t width = widths[block][static_cast<std::size_t>(t)];
      Region source = along(stacked, dim + 1, {0, width});
      source.offset[0] = t;
      source.extent[0] = 1;
      const Region target = along(full, dim, {begin, width});
      scatter(box_of(*inputs[block], stacked, source, size), std::span(&target, 1), full, size,
              bytes);
      begin += width;
    }
  }
  return bytes;
}

// Of what the rank holds of the batch, its part over tp.
Bytes sliced(const Program& program, const Op& op, Rank rank, const Bytes& full) {
  const Value& piece = program.value(op.outputs[0]);
  const std::size_t size = size_bytes(piece.dtype);
  const Shape from = local_shape(program, program.value(op.inputs[0]), rank);
  const Shape to = local_shape(program, piece, rank);
  Bytes bytes(local_bytes(program, op.outputs[0], rank));
  for (const HeldBox& box :
       held_boxes(from, {piece.placement.tp, replicate()}, program.grid(), rank))
    scatter(box_of(full, from, box.full, size), std::span(&box.local, 1), to, size, bytes);
  return bytes;
}

}  // namespace

bool is_move(OpKind kind) {
  return kind == OpKind::zero || kind == OpKind::copy || kind == OpKind::flatten ||
         kind == OpKind::unflatten || kind == OpKind::pad || kind == OpKind::concatenate ||
         kind == OpKind::shard_slice;
}

std::vector<Bytes> moved_bytes(const Program& program, const Op& op, Rank rank,
                               std::span<const Bytes* const> inputs) {
  switch (op.kind) {
    case OpKind::zero: return {Bytes(local_bytes(program, op.outputs[0], rank))};
    case OpKind::copy: return {*inputs[0]};
    case OpKind::flatten: return {flattened(program, op, rank, inputs)};
    case OpKind::unflatten: return unflattened(program, op, rank, *inputs[0]);
    case OpKind::pad: return {padded(program, op, rank, *inputs[0])};
    case OpKind::concatenate: return {concatenated(program, op, rank, inputs)};
    case OpKind::shard_slice: return {sliced(program, op, rank, *inputs[0])};
    default: break;
  }
  SHARDPROOF_EXPECTS(false, full_name(op), "moves no bits");
  return {};
}

}  // namespace shardproof::reports
