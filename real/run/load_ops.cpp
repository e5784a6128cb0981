#include "real/run/load_ops.hpp"

#include "scenarios/plan/pieces.hpp"

namespace shardproof::real {

namespace {

void store(const OpContext& context, const Op& op, std::span<const std::byte> bytes) {
  context.device.copy_from_host(bytes, context.arena.view(op.outputs[0]), context.stream);
}

void store(const OpContext& context, const Op& op, std::span<const double> values) {
  const TensorView& to = context.arena.view(op.outputs[0]);
  std::vector<std::byte> bytes(to.bytes());
  encode(to.dtype, values, bytes);
  store(context, op, bytes);
}

}  // namespace

void load_parameter(const OpContext& context, const Op& op) {
  const Value& value = context.program.value(op.outputs[0]);
  const ProcessGrid grid = context.program.grid();
  // `shard_shift` is 0 but in a planted defect, where a rank takes its neighbour's shard.
  const auto shift = op.attributes.find("shard_shift");
  const int by =
      shift == op.attributes.end() ? 0 : static_cast<int>(std::get<std::int64_t>(shift->second));
  const Rank owner = grid.next_in_tp(context.rank, by);
  const Shape shape = local_shape(value.shape, value.placement, grid, owner);
  std::vector<double> shard(static_cast<std::size_t>(element_count(shape)));
  for (const HeldBox& box : held_boxes(value.shape, value.placement, grid, owner)) {
    const std::vector<double> part = context.inputs.parameter(text(op, "parameter"), box.full);
    scatter(std::as_bytes(std::span(part)), std::span(&box.local, 1), shape, sizeof(double),
            std::as_writable_bytes(std::span(shard)));
  }
  store(context, op, shard);
}

void load_state(const OpContext& context, const Op& op) {
  const ValueId id = op.outputs[0];
  const Value& value = context.program.value(id);
  std::vector<std::byte> bytes(context.arena.view(id).bytes());
  for (const Piece& piece : pieces_of(context.program, value, context.rank))
    if (!piece.is_padding)
      put_back(piece, context.inputs.state(piece.name, piece.regions), size_bytes(value.dtype),
               bytes);
  store(context, op, std::span<const std::byte>(bytes));
}

void load_tokens(const OpContext& context, const Op& op) {
  const std::vector<std::int64_t> tokens =
      context.inputs.tokens(StepIndex{context.moment.step}, MicroStep{context.moment.micro},
                            context.program.grid().group_rank(context.rank, Axis::dp));
  store(context, op, std::as_bytes(std::span(tokens)));
}

void load_scalar(const OpContext& context, const Op& op) {
  const std::string& name = text(op, "scalar");
  const double scalar =
      name == "loss_scale" ? context.loss_scale : context.inputs.scalar(name, context.updates);
  store(context, op, std::span(&scalar, 1));
}

}  // namespace shardproof::real
