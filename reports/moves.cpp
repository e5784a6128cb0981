#include "reports/moves.hpp"

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
  const FlatLayout& layout = program.layouts.at(static_cast<std::size_t>(value.layout));
  const auto size = static_cast<std::int64_t>(size_bytes(value.dtype));
  Bytes all = joined(inputs);
  all.resize(static_cast<std::size_t>(layout.padded * size));
  const Stretch mine = owned_stretch(layout, value.placement, program.grid(), rank);
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

// Stacked shards are regions of the full tensor, one per TP rank.
Bytes concatenated(const Program& program, const Op& op, const Bytes& stacked) {
  const Value& full = program.value(op.outputs[0]);
  const Placement cut{shard(static_cast<int>(integer(op, "dim"))), replicate()};
  std::vector<Region> regions;
  for (int t = 0; t < program.tp; ++t)
    regions.push_back(region_of(full.shape, cut, program.grid(), Rank{t}));
  Bytes bytes(stacked.size());
  scatter(stacked, regions, full.shape, size_bytes(full.dtype), bytes);
  return bytes;
}

Bytes sliced(const Program& program, const Op& op, Rank rank, const Bytes& full) {
  const Value& piece = program.value(op.outputs[0]);
  const Region region = region_of(piece.shape, piece.placement, program.grid(), rank);
  Bytes bytes(local_bytes(program, op.outputs[0], rank));
  extract(full, piece.shape, std::span(&region, 1), size_bytes(piece.dtype), bytes);
  return bytes;
}

}  // namespace

bool is_move(OpKind kind) {
  return kind == OpKind::zero || kind == OpKind::copy || kind == OpKind::flatten ||
         kind == OpKind::unflatten || kind == OpKind::concatenate || kind == OpKind::shard_slice;
}

std::vector<Bytes> moved_bytes(const Program& program, const Op& op, Rank rank,
                               std::span<const Bytes* const> inputs) {
  switch (op.kind) {
    case OpKind::zero: return {Bytes(local_bytes(program, op.outputs[0], rank))};
    case OpKind::copy: return {*inputs[0]};
    case OpKind::flatten: return {flattened(program, op, rank, inputs)};
    case OpKind::unflatten: return unflattened(program, op, rank, *inputs[0]);
    case OpKind::concatenate: return {concatenated(program, op, *inputs[0])};
    case OpKind::shard_slice: return {sliced(program, op, rank, *inputs[0])};
    default: break;
  }
  SHARDPROOF_EXPECTS(false, full_name(op), "moves no bits");
  return {};
}

}  // namespace shardproof::reports
