#include "real/run/run_op.hpp"

#include <algorithm>

#include "real/run/move_ops.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/op_attributes.hpp"
#include "scenarios/plan/pieces.hpp"

namespace shardproof::real {

namespace {

// Values computed on the host (weights, tokens, scalars), rounded once to the tensor's dtype.
void store(Backend& backend, std::span<const double> values, const TensorView& to) {
  std::vector<std::byte> bytes(to.bytes());
  encode(to.dtype, values, bytes);
  backend.copy_from_host(bytes, to);
}

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
  store(context.backend, shard, context.arena.view(op.outputs[0]));
}

// Of a flat value: its parameters' parts, and zeros between them.
void load_state(const OpContext& context, const Op& op) {
  const ValueId id = op.outputs[0];
  const Value& value = context.program.value(id);
  std::vector<std::byte> bytes(context.arena.view(id).bytes());
  for (const Piece& piece : pieces_of(context.program, value, context.rank))
    if (!piece.is_padding)
      put_back(piece, context.inputs.state(piece.name, piece.regions), size_bytes(value.dtype),
               bytes);
  context.backend.copy_from_host(bytes, context.arena.view(id));
}

void load_tokens(const OpContext& context, const Op& op) {
  const std::vector<std::int64_t> tokens =
      context.inputs.tokens(StepIndex{context.moment.step}, MicroStep{context.moment.micro},
                            context.program.grid().group_rank(context.rank, Axis::dp));
  context.backend.copy_from_host(std::as_bytes(std::span(tokens)),
                                 context.arena.view(op.outputs[0]));
}

// The element ranges of this rank's flat slice that enter the norm: each distinct parameter once,
// so replicated ones on TP rank 0 only; padding never (spec-autotp 7.8).
std::vector<std::int64_t> counted_ranges(const OpContext& context, const Value& value) {
  const FlatLayout& layout = context.program.layouts.at(static_cast<std::size_t>(value.layout));
  const ProcessGrid grid = context.program.grid();
  const bool first = grid.group_rank(context.rank, Axis::tp).value == 0;
  const FlatTable table = flat_table(layout, grid, context.rank);
  const Stretch mine = owned_stretch(table, value.placement, grid, context.rank);
  std::vector<std::int64_t> ranges;
  for (std::size_t i = 0; i < layout.entries.size(); ++i) {
    if (!first && layout.entries[i].placement.tp.kind == AxisPlacement::Kind::replicate) continue;
    const Stretch part = shared(table.parts[i], mine);
    const std::int64_t begin = part.begin - mine.begin;
    if (part.count > 0) ranges.insert(ranges.end(), {begin, begin + part.count});
  }
  return ranges;
}

// Of the slices of all parameter groups.
void sum_of_squares(const OpContext& context, const Op& op) {
  std::vector<Backend::Ranges> parts;
  for (const ValueId id : op.inputs)
    parts.push_back({context.arena.view(id), counted_ranges(context, context.program.value(id))});
  context.backend.sum_of_squares(parts, context.arena.view(op.outputs[0]));
}

// The operands from number `first` on.
std::vector<TensorView> views(const OpContext& context, const std::vector<ValueId>& values,
                              std::size_t first = 0) {
  std::vector<TensorView> views;
  for (std::size_t i = first; i < values.size(); ++i)
    views.push_back(context.arena.view(values[i]));
  return views;
}

// Adds what this rank owns of a bucket to its slices.
void accumulate_slices(const OpContext& context, const Op& op) {
  const auto part = [](TensorView view, std::int64_t begin, std::int64_t count) {
    view.data += static_cast<std::size_t>(begin) * size_bytes(view.dtype);
    view.shape = {count};
    return view;
  };
  const Program& program = context.program;
  const Value& slices = program.value(op.inputs[0]);
  for (const Kept& kept :
       kept_of(program.layout_of(program.value(op.inputs[1])), program.layout_of(slices),
               slices.placement, program.grid(), context.rank)) {
    const TensorView sum = part(context.arena.view(op.outputs[0]), kept.to, kept.count);
    context.backend.add(sum, part(context.arena.view(op.inputs[1]), kept.from, kept.count), sum);
  }
}

// The slopes of the heads that this rank holds.
void alibi_slopes(const OpContext& context, const Op& op) {
  const Value& value = context.program.value(op.outputs[0]);
  for (const HeldBox& box :
       held_boxes(value.shape, value.placement, context.program.grid(), context.rank)) {
    TensorView part = context.arena.view(op.outputs[0]);
    part.data += static_cast<std::size_t>(box.local.offset[0]) * size_bytes(part.dtype);
    part.shape = box.local.extent;
    context.backend.alibi_slopes(value.shape[0], box.full.offset[0], part);
  }
}

}  // namespace

void run_op(const OpContext& context, const Op& op) {
  Backend& on = context.backend;
  const auto in = [&](std::size_t i) -> const TensorView& {
    return context.arena.view(op.inputs.at(i));
  };
  const auto out = [&](std::size_t i = 0) -> const TensorView& {
    return context.arena.view(op.outputs.at(i));
  };
  const auto optional_in = [&](std::size_t i) { return i < op.inputs.size() ? &in(i) : nullptr; };
  switch (op.kind) {
    case OpKind::load_parameter: return load_parameter(context, op);
    case OpKind::load_state: return load_state(context, op);
    case OpKind::load_tokens: return load_tokens(context, op);
    case OpKind::load_scalar: {
      const std::string& name = text(op, "scalar");
      const double scalar =
          name == "loss_scale" ? context.loss_scale : context.inputs.scalar(name, context.updates);
      return store(on, std::span(&scalar, 1), out());
    }
    case OpKind::zero: return on.zero(out());
    case OpKind::rotary_table: return on.rotary_table(out(0), out(1), rotary_frequencies(op));
    case OpKind::alibi_slopes: return alibi_slopes(context, op);
    case OpKind::shift_labels: return on.shift_labels(in(0), out(), padding(op));
    case OpKind::positions: return on.positions(out());

    case OpKind::embedding: return on.embedding(in(0), in(1), out());
    case OpKind::rms_norm: return on.rms_norm(in(0), in(1), out(), real_number(op, "eps"));
    case OpKind::layer_norm:
      return on.layer_norm(in(0), in(1), in(2), out(), real_number(op, "eps"));
    case OpKind::matmul: return on.matmul(in(0), in(1), out(), weight_layout(op));
    case OpKind::add_bias: return on.add_bias(in(0), in(1), out());
    case OpKind::rotary:
      return on.rotary(in(0), in(1), in(2), out(), rotary_form(op), /*inverse=*/false);
    case OpKind::attention:
      return on.attention(in(0), in(1), in(2), optional_in(3), out(0), out(1), attention_form(op));
    case OpKind::swiglu: return on.swiglu(in(0), in(1), out());
    case OpKind::gelu: return on.gelu(in(0), out(), gelu_form_from(text(op, "form")));
    case OpKind::add: return on.add(in(0), in(1), out());
    case OpKind::split:
      return on.split(in(0), views(context, op.outputs),
                      local_parts(context.program, op, context.rank));
    case OpKind::join:
      return on.join(views(context, op.inputs), out(),
                     local_parts(context.program, op, context.rank));
    case OpKind::repeat_heads: return on.repeat_heads(in(0), out());
    case OpKind::sum_heads: return on.sum_heads(in(0), out());
    case OpKind::route:
      return on.route(in(0), out(0), out(1), route_form_from(text(op, "form")),
                      real_number(op, "factor"));
    case OpKind::moe_dispatch:
      return on.moe_dispatch(in(0), in(1), views(context, op.outputs), expert_rows(op));
    case OpKind::moe_combine:
      return on.moe_combine(in(0), in(1), views(context, op.inputs, 2), out(), expert_rows(op));
    case OpKind::cross_entropy: return on.cross_entropy(in(0), in(1), out());

    case OpKind::cross_entropy_backward:
      return on.cross_entropy_backward(in(0), in(1), optional_in(2), out(),
                                       real_number(op, "grad_scale"));
    case OpKind::matmul_backward_input:
      return on.matmul_backward_input(in(0), in(1), out(), weight_layout(op));
    case OpKind::matmul_backward_weight:
      return on.matmul_backward_weight(in(0), in(1), out(), weight_layout(op));
    case OpKind::bias_backward: return on.bias_backward(in(0), out());
    case OpKind::rms_norm_backward_input:
      return on.rms_norm_backward_input(in(0), in(1), in(2), out(), real_number(op, "eps"));
    case OpKind::rms_norm_backward_weight:
      return on.rms_norm_backward_weight(in(0), in(1), out(), real_number(op, "eps"));
    case OpKind::layer_norm_backward_input:
      return on.layer_norm_backward_input(in(0), in(1), in(2), out(), real_number(op, "eps"));
    case OpKind::layer_norm_backward_weight:
      return on.layer_norm_backward_weight(in(0), in(1), out(), real_number(op, "eps"));
    case OpKind::rotary_backward:
      return on.rotary(in(0), in(1), in(2), out(), rotary_form(op), /*inverse=*/true);
    case OpKind::attention_backward:
      return on.attention_backward(in(0), in(1), in(2), in(3), in(4), in(5), optional_in(6), out(0),
                                   out(1), out(2), attention_form(op));
    case OpKind::swiglu_backward: return on.swiglu_backward(in(0), in(1), in(2), out(0), out(1));
    case OpKind::gelu_backward:
      return on.gelu_backward(in(0), in(1), out(), gelu_form_from(text(op, "form")));
    case OpKind::embedding_backward: return on.embedding_backward(in(0), in(1), out());
    case OpKind::route_backward:
      return on.route_backward(in(0), in(1), in(2), out(), route_form_from(text(op, "form")),
                               real_number(op, "factor"));
    case OpKind::moe_dispatch_backward:
      return on.moe_dispatch_backward(in(0), views(context, op.inputs, 1), out(), expert_rows(op));
    case OpKind::moe_combine_backward:
      return on.moe_combine_backward(in(0), in(1), in(2), views(context, op.inputs, 3), out(0),
                                     views(context, op.outputs, 1), expert_rows(op));
    case OpKind::accumulate: return on.add(in(0), in(1), out());
    case OpKind::accumulate_slices: return accumulate_slices(context, op);

    case OpKind::copy: return on.copy(in(0), out());
    case OpKind::cast: return on.cast(in(0), out());
    case OpKind::flatten: return flatten(context, op);
    case OpKind::unflatten: return unflatten(context, op);
    case OpKind::pad: return pad(context, op);
    case OpKind::concatenate: return concatenate(context, op);
    case OpKind::shard_slice: return shard_slice(context, op);

    case OpKind::scale: return on.scale(in(0), out(), real_number(op, "factor"));
    case OpKind::divide: return on.divide(in(0), out(), real_number(op, "divisor"));
    case OpKind::multiply: return on.multiply(in(0), in(1), out());
    case OpKind::negate: return on.negate(in(0), out());
    case OpKind::nonfinite: return on.nonfinite(views(context, op.inputs), out());
    case OpKind::sum_of_squares: return sum_of_squares(context, op);
    case OpKind::square_root: return on.square_root(in(0), optional_in(1), out());
    case OpKind::clip_factor:
      return on.clip_factor(in(0), optional_in(1), out(), real_number(op, "clip"));
    case OpKind::exp_avg: return on.exp_avg(in(0), in(1), out(), real_number(op, "beta1"));
    case OpKind::exp_avg_sq: return on.exp_avg_sq(in(0), in(1), out(), real_number(op, "beta2"));
    case OpKind::adamw:
      return on.adamw(in(0), in(1), in(2), in(3), in(4), in(5), out(), real_number(op, "eps"),
                      real_number(op, "weight_decay"));
    case OpKind::decay:
    case OpKind::momentum:
    case OpKind::nesterov: return on.add_scaled(in(0), in(1), out(), real_number(op, "factor"));
    case OpKind::sgd: return on.sgd(in(0), in(1), in(2), out());
    case OpKind::checksum: return on.checksum(in(0), out());
    case OpKind::differ: return on.differ(in(0), in(1), out());

    case OpKind::all_reduce:
    case OpKind::all_reduce_max:
    case OpKind::all_gather:
    case OpKind::wait: break;
  }
  SHARDPROOF_EXPECTS(false, full_name(op), "is run by the communicator");
}

}  // namespace shardproof::real
