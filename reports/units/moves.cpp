#include "reports/units/moves.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

std::int64_t local_elements(const Program& program, ValueId id, Rank rank) {
  return element_count(local_shape(program, program.value(id), rank));
}

// All parameters of the layout, then zeros; this rank's stretch of it.
SharedTensor flattened(const Program& program, const Op& op, Rank rank,
                       std::span<const SharedTensor> inputs) {
  const Value& value = program.value(op.outputs[0]);
  const FlatTable table =
      flat_table(program.layouts.at(static_cast<std::size_t>(value.layout)), program.grid(), rank);
  const Stretch mine = owned_stretch(table, value.placement, program.grid(), rank);
  std::vector<SharedTensor> all(inputs.begin(), inputs.end());
  std::int64_t elements = 0;
  for (const SharedTensor& input : all) elements += input->elements();
  const Dtype dtype = all.empty() ? value.dtype : all[0]->dtype();
  if (elements < table.padded) all.push_back(zero_tensor(dtype, {table.padded - elements}));
  return part_of(concatenation(all), mine.begin, {mine.count});
}

std::vector<SharedTensor> unflattened(const Program& program, const Op& op, Rank rank,
                                      const SharedTensor& input) {
  std::vector<SharedTensor> outputs;
  std::int64_t begin = 0;
  for (const ValueId id : op.outputs) {
    const std::int64_t count = local_elements(program, id, rank);
    SHARDPROOF_EXPECTS(begin + count <= input->elements(), full_name(op));
    outputs.push_back(part_of(input, begin, {count}));
    begin += count;
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

// Puts a region of `from` where a region of `to` is, of as many elements: both row by row.
void place(const SharedTensor& from, const Shape& from_shape, const Region& source, TensorView& to,
           const Region& target) {
  const std::vector<Run> reads = runs_of(source, from_shape), writes = runs_of(target, to.shape());
  const SharedSource bytes = bytes_of(from);
  const std::size_t size = size_bytes(from->dtype());
  std::size_t w = 0;
  std::int64_t written = 0;  // of writes[w]
  for (const Run& read : reads)
    for (std::int64_t done = 0; done < read.count;) {
      const std::int64_t count = std::min(read.count - done, writes.at(w).count - written);
      const Run run{writes[w].first + written, count};
      to.add(std::span(&run, 1), bytes, static_cast<std::size_t>(read.first + done) * size);
      done += count;
      written += count;
      if (written == writes[w].count) {
        ++w;
        written = 0;
      }
    }
}

// The rank's part of a block, then zeros up to the widest rank's.
SharedTensor padded(const Program& program, const Op& op, Rank rank, const SharedTensor& shard) {
  const Value& value = program.value(op.inputs[0]);
  const auto dim = static_cast<std::size_t>(value.placement.tp.dim);
  const auto member = static_cast<std::size_t>(program.grid().group_rank(rank, Axis::tp).value);
  const Widths widths = widths_in_full(value.shape.at(dim), value.placement.tp.widths, program.tp);
  std::int64_t begin = 0;
  for (std::int64_t block = 0; block < integer(op, "block"); ++block)
    begin += widths.at(static_cast<std::size_t>(block)).at(member);
  const std::int64_t width = widths.at(static_cast<std::size_t>(integer(op, "block"))).at(member);

  const Shape from = local_shape(program, value, rank);
  auto to = std::make_shared<TensorView>(shard->dtype(),
                                         local_shape(program, program.value(op.outputs[0]), rank));
  place(shard, from, along(from, dim, {begin, width}), *to, along(to->shape(), dim, {0, width}));
  return to;
}

// Each block's stacked parts, without their padding, to where they belong in the full tensor.
SharedTensor concatenated(const Program& program, const Op& op, Rank rank,
                          std::span<const SharedTensor> inputs) {
  const Value& value = program.value(op.outputs[0]);
  const AxisPlacement cut = cut_of(op, program.tp);
  const auto dim = static_cast<std::size_t>(cut.dim);
  const Shape full = local_shape(program, value, rank);
  const Widths widths = widths_in_full(full.at(dim), cut.widths, program.tp);
  SHARDPROOF_EXPECTS(widths.size() == inputs.size(), full_name(op), inputs.size());
  auto to = std::make_shared<TensorView>(inputs[0]->dtype(), full);
  std::int64_t begin = 0;
  for (std::size_t block = 0; block < inputs.size(); ++block) {
    const Shape stacked = local_shape(program, program.value(op.inputs[block]), rank);
    for (int t = 0; t < program.tp; ++t) {
      const std::int64_t width = widths[block][static_cast<std::size_t>(t)];
      Region source = along(stacked, dim + 1, {0, width});
      source.offset[0] = t;
      source.extent[0] = 1;
      place(inputs[block], stacked, source, *to, along(full, dim, {begin, width}));
      begin += width;
    }
  }
  return to;
}

// Of what the rank holds of the batch, its part over tp.
SharedTensor sliced(const Program& program, const Op& op, Rank rank, const SharedTensor& full) {
  const Value& piece = program.value(op.outputs[0]);
  const Shape from = local_shape(program, program.value(op.inputs[0]), rank);
  auto to = std::make_shared<TensorView>(full->dtype(), local_shape(program, piece, rank));
  for (const HeldBox& box :
       held_boxes(from, {piece.placement.tp, replicate()}, program.grid(), rank))
    place(full, from, box.full, *to, box.local);
  return to;
}

}  // namespace

bool is_move(OpKind kind) {
  return kind == OpKind::zero || kind == OpKind::copy || kind == OpKind::flatten ||
         kind == OpKind::unflatten || kind == OpKind::pad || kind == OpKind::concatenate ||
         kind == OpKind::shard_slice;
}

SharedTensor concatenation(std::span<const SharedTensor> tensors) {
  std::int64_t elements = 0;
  for (const SharedTensor& tensor : tensors) elements += tensor->elements();
  auto all = std::make_shared<TensorView>(tensors.empty() ? Dtype::fp32 : tensors[0]->dtype(),
                                          Shape{elements});
  std::int64_t begin = 0;
  for (const SharedTensor& tensor : tensors) {
    const Run run{begin, tensor->elements()};
    all->add(std::span(&run, 1), bytes_of(tensor));
    begin += run.count;
  }
  return all;
}

std::vector<SharedTensor> moved(const Program& program, const Op& op, Rank rank,
                                std::span<const SharedTensor> inputs) {
  switch (op.kind) {
    case OpKind::zero: {
      const Value& value = program.value(op.outputs[0]);
      return {zero_tensor(value.dtype, local_shape(program, value, rank))};
    }
    case OpKind::copy: return {inputs[0]};
    case OpKind::flatten: return {flattened(program, op, rank, inputs)};
    case OpKind::unflatten: return unflattened(program, op, rank, inputs[0]);
    case OpKind::pad: return {padded(program, op, rank, inputs[0])};
    case OpKind::concatenate: return {concatenated(program, op, rank, inputs)};
    case OpKind::shard_slice: return {sliced(program, op, rank, inputs[0])};
    default: break;
  }
  SHARDPROOF_EXPECTS(false, full_name(op), "moves no bits");
  return {};
}

}  // namespace shardproof::reports
