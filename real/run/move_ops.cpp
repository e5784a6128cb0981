#include "real/run/move_ops.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

// The runs of stretch `part` of dimension `dim` of a tensor: `rows` of them, of `count` elements
// each, `stride` apart from `begin` on.
struct Runs {
  std::int64_t rows, begin, stride, count;
};

Runs runs_along(const Shape& shape, std::size_t dim, const Stretch& part) {
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t d = 0; d < dim; ++d) outer *= shape[d];
  for (std::size_t d = dim + 1; d < shape.size(); ++d) inner *= shape[d];
  return {outer, part.begin * inner, shape[dim] * inner, part.count * inner};
}

// Copies a stretch of dimension `dim` of one tensor to a stretch, as long, of another.
void copy_along(const OpContext& context, std::size_t dim, const TensorView& from,
                const Stretch& from_part, const TensorView& to, const Stretch& to_part) {
  const Runs source = runs_along(from.shape, dim, from_part);
  const Runs target = runs_along(to.shape, dim, to_part);
  SHARDPROOF_EXPECTS(source.rows == target.rows && source.count == target.count, source.rows,
                     target.rows, source.count, target.count);
  SHARDPROOF_EXPECTS(from.dtype == to.dtype, name_of(from.dtype), name_of(to.dtype));
  const auto bytes = [&](std::int64_t elements) {
    return static_cast<std::size_t>(elements) * size_bytes(from.dtype);
  };
  context.device.copy_2d({.from = from.data + bytes(source.begin),
                          .from_pitch = bytes(source.stride),
                          .to = to.data + bytes(target.begin),
                          .to_pitch = bytes(target.stride),
                          .width = bytes(source.count),
                          .rows = static_cast<std::size_t>(source.rows)},
                         context.stream);
}

void copy(const OpContext& context, const TensorView& from, const TensorView& to) {
  context.device.copy(from, to, context.stream);
}
void zero(const OpContext& context, const TensorView& to) {
  context.device.fill(to, std::byte{0}, context.stream);
}

// Element `r` of a stacked tensor's first dimension.
TensorView slab(const TensorView& stacked, std::int64_t r) {
  TensorView view = stretch(stacked, 0, 0);
  view.shape.assign(stacked.shape.begin() + 1, stacked.shape.end());
  view.data += static_cast<std::size_t>(r * element_count(view.shape)) * size_bytes(stacked.dtype);
  return view;
}

}  // namespace

void zero(const OpContext& context, const Op& op) {
  zero(context, context.arena.view(op.outputs[0]));
}

void copy(const OpContext& context, const Op& op) {
  copy(context, context.arena.view(op.inputs[0]), context.arena.view(op.outputs[0]));
}

void flatten(const OpContext& context, const Op& op) {
  const Value& value = context.program.value(op.outputs[0]);
  const TensorView& to = context.arena.view(op.outputs[0]);
  const ProcessGrid grid = context.program.grid();
  const FlatTable table = flat_table(context.program.layout_of(value), grid, context.rank);
  const Stretch mine = owned_stretch(table, value.placement, grid, context.rank);
  for (std::size_t i = 0; i < table.parts.size(); ++i) {
    const Stretch part = shared(table.parts[i], mine);
    if (part.count > 0)
      copy(context,
           stretch(context.arena.view(op.inputs.at(i)), part.begin - table.parts[i].begin,
                   part.count),
           stretch(to, part.begin - mine.begin, part.count));
  }
  const Stretch padding = shared({table.elements, table.padded - table.elements}, mine);
  if (padding.count > 0) zero(context, stretch(to, padding.begin - mine.begin, padding.count));
}

void unflatten(const OpContext& context, const Op& op) {
  const Value& value = context.program.value(op.inputs[0]);
  const TensorView& from = context.arena.view(op.inputs[0]);
  const FlatTable table =
      flat_table(context.program.layout_of(value), context.program.grid(), context.rank);
  SHARDPROOF_EXPECTS(from.elements() == table.padded, full_name(op), from.elements());
  for (std::size_t i = 0; i < table.parts.size(); ++i) {
    const Stretch& part = table.parts[i];
    const TensorView& to = context.arena.view(op.outputs.at(i));
    if (part.count > 0)
      copy(context, stretch(from, part.begin, part.count), stretch(to, 0, part.count));
  }
}

void pad(const OpContext& context, const Op& op) {
  const TensorView& shard = context.arena.view(op.inputs[0]);
  const TensorView& padded = context.arena.view(op.outputs[0]);
  const Value& value = context.program.value(op.inputs[0]);
  const auto dim = static_cast<std::size_t>(value.placement.tp.dim);
  const ProcessGrid grid = context.program.grid();
  const auto rank = static_cast<std::size_t>(grid.group_rank(context.rank, Axis::tp).value);
  const Widths widths =
      widths_in_full(value.shape[dim], value.placement.tp.widths, grid.size(Axis::tp));
  const auto block = static_cast<std::size_t>(integer(op, "block"));
  Stretch mine{0, widths.at(block)[rank]};
  for (std::size_t earlier = 0; earlier < block; ++earlier) mine.begin += widths[earlier][rank];
  zero(context, padded);
  copy_along(context, dim, shard, mine, padded, {0, mine.count});
}

void concatenate(const OpContext& context, const Op& op) {
  const TensorView& full = context.arena.view(op.outputs[0]);
  const auto n = static_cast<int>(context.arena.view(op.inputs[0]).shape[0]);
  const AxisPlacement cut = cut_of(op, n);
  const auto dim = static_cast<std::size_t>(cut.dim);
  const Widths widths = widths_in_full(full.shape[dim], cut.widths, n);
  SHARDPROOF_EXPECTS(widths.size() == op.inputs.size(), full_name(op), widths.size());
  std::int64_t begin = 0;
  for (std::size_t block = 0; block < widths.size(); ++block)
    for (int r = 0; r < n; ++r) {
      const std::int64_t width = widths[block][static_cast<std::size_t>(r)];
      copy_along(context, dim, slab(context.arena.view(op.inputs[block]), r), {0, width}, full,
                 {begin, width});
      begin += width;
    }
}

void shard_slice(const OpContext& context, const Op& op) {
  const TensorView& full = context.arena.view(op.inputs[0]);
  const TensorView& shard = context.arena.view(op.outputs[0]);
  const AxisPlacement& tp = context.program.value(op.outputs[0]).placement.tp;
  if (tp.kind == AxisPlacement::Kind::replicate) return copy(context, full, shard);
  const ProcessGrid grid = context.program.grid();
  const auto dim = static_cast<std::size_t>(tp.dim);
  std::int64_t begin = 0;
  for (const Stretch& part : stretches_of(full.shape[dim], tp.widths, grid.size(Axis::tp),
                                          grid.group_rank(context.rank, Axis::tp))) {
    copy_along(context, dim, full, part, shard, {begin, part.count});
    begin += part.count;
  }
}

}  // namespace shardproof::real
