#include "real/run/move_ops.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

// `count` elements from `begin` on, as a vector.
TensorView stretch(const TensorView& x, std::int64_t begin, std::int64_t count) {
  return {x.dtype, {count}, x.data + static_cast<std::size_t>(begin) * size_bytes(x.dtype)};
}

// A box of a tensor as runs: `rows` of them, of `count` elements each, `stride` apart from `begin` on.
struct Runs {
  std::int64_t rows, begin, stride, count;
};

// The runs of part r of n along `dim` of a tensor of this shape.
Runs runs_along(const Shape& shape, std::size_t dim, const Stretch& part) {
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t d = 0; d < dim; ++d) outer *= shape[d];
  for (std::size_t d = dim + 1; d < shape.size(); ++d) inner *= shape[d];
  return {outer, part.begin * inner, shape[dim] * inner, part.count * inner};
}

}  // namespace

void flatten(const OpContext& context, const Op& op) {
  const Value& value = context.program.value(op.outputs[0]);
  const FlatLayout& layout = context.program.layouts.at(static_cast<std::size_t>(value.layout));
  const TensorView& to = context.arena.view(op.outputs[0]);
  const Stretch mine = owned_stretch(layout, value.placement, context.program.grid(), context.rank);
  for (std::size_t i = 0; i < layout.entries.size(); ++i) {
    const FlatLayout::Entry& entry = layout.entries[i];
    const std::int64_t begin = std::max(entry.offset, mine.begin);
    const std::int64_t end = std::min(entry.offset + entry.count, mine.begin + mine.count);
    if (begin < end)
      context.backend.copy(
          stretch(context.arena.view(op.inputs.at(i)), begin - entry.offset, end - begin),
          stretch(to, begin - mine.begin, end - begin));
  }
  const std::int64_t padding = std::max(layout.elements, mine.begin);
  if (padding < mine.begin + mine.count)
    context.backend.zero(stretch(to, padding - mine.begin, mine.begin + mine.count - padding));
}

void unflatten(const OpContext& context, const Op& op) {
  const Value& value = context.program.value(op.inputs[0]);
  const FlatLayout& layout = context.program.layouts.at(static_cast<std::size_t>(value.layout));
  const TensorView& from = context.arena.view(op.inputs[0]);
  SHARDPROOF_EXPECTS(from.elements() == layout.padded, full_name(op), from.elements());
  for (std::size_t i = 0; i < layout.entries.size(); ++i) {
    const FlatLayout::Entry& entry = layout.entries[i];
    const TensorView& to = context.arena.view(op.outputs.at(i));
    context.backend.copy(stretch(from, entry.offset, entry.count), stretch(to, 0, entry.count));
  }
}

void concatenate(const OpContext& context, const Op& op) {
  const TensorView& stacked = context.arena.view(op.inputs[0]);
  const TensorView& full = context.arena.view(op.outputs[0]);
  const auto dim = static_cast<std::size_t>(integer(op, "dim"));
  const auto n = static_cast<int>(stacked.shape[0]);
  const std::int64_t shard_elements = stacked.elements() / n;
  for (int r = 0; r < n; ++r) {
    const Runs runs = runs_along(full.shape, dim, even_part(full.shape[dim], n, GroupRank{r}));
    for (std::int64_t row = 0; row < runs.rows; ++row)
      context.backend.copy(stretch(stacked, r * shard_elements + row * runs.count, runs.count),
                           stretch(full, runs.begin + row * runs.stride, runs.count));
  }
}

void shard_slice(const OpContext& context, const Op& op) {
  const TensorView& full = context.arena.view(op.inputs[0]);
  const TensorView& shard = context.arena.view(op.outputs[0]);
  const AxisPlacement& tp = context.program.value(op.outputs[0]).placement.tp;
  if (tp.kind == AxisPlacement::Kind::replicate) return context.backend.copy(full, shard);
  const ProcessGrid grid = context.program.grid();
  const auto dim = static_cast<std::size_t>(tp.dim);
  const Runs runs = runs_along(
      full.shape, dim,
      even_part(full.shape[dim], grid.size(Axis::tp), grid.group_rank(context.rank, Axis::tp)));
  for (std::int64_t row = 0; row < runs.rows; ++row)
    context.backend.copy(stretch(full, runs.begin + row * runs.stride, runs.count),
                         stretch(shard, row * runs.count, runs.count));
}

}  // namespace shardproof::real
