#include "real/run/run_op.hpp"

#include <algorithm>
#include <set>

#include "real/run/kernel_attributes.hpp"
#include "real/run/load_ops.hpp"
#include "real/run/move_ops.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

void launch(const OpContext& context, OpKind kind, KernelCall call) {
  const Kernel kernel = context.device.kernels().find(kind);
  SHARDPROOF_EXPECTS(kernel != nullptr, context.device.name(), "has no kernel for", name_of(kind));
  call.tag = context.tag;
  call.stream = context.stream;
  kernel(context.device, call);
}

std::vector<TensorView> views(const OpContext& context, const std::vector<ValueId>& values) {
  std::vector<TensorView> views;
  for (const ValueId id : values) views.push_back(context.arena.view(id));
  return views;
}

void run_kernel(const OpContext& context, const Op& op) {
  launch(context, op.kind,
         {.inputs = views(context, op.inputs),
          .outputs = views(context, op.outputs),
          .attributes = kernel_attributes(context.program, op, context.rank)});
}

// Adds what this rank owns of a bucket to its slices.
void accumulate_slices(const OpContext& context, const Op& op) {
  const Program& program = context.program;
  const Value& slices = program.value(op.inputs[0]);
  for (const auto& [from, to, count] :
       kept_of(program.layout_of(program.value(op.inputs[1])), program.layout_of(slices),
               slices.placement, program.grid(), context.rank)) {
    const TensorView sum = stretch(context.arena.view(op.outputs[0]), to, count);
    const TensorView part = stretch(context.arena.view(op.inputs[1]), from, count);
    launch(context, OpKind::accumulate, {.inputs = {sum, part}, .outputs = {sum}});
  }
}

// The slopes of the heads that this rank holds.
void alibi_slopes(const OpContext& context, const Op& op) {
  const Value& value = context.program.value(op.outputs[0]);
  const TensorView& slopes = context.arena.view(op.outputs[0]);
  for (const auto& [full, local] :
       held_boxes(value.shape, value.placement, context.program.grid(), context.rank))
    launch(context, OpKind::alibi_slopes,
           {.outputs = {stretch(slopes, local.offset[0], local.extent[0])},
            .attributes = {.heads = value.shape[0], .first_head = full.offset[0]}});
}

// What is more than a call of the kernel of the op's own kind, and which kernel that takes.
struct Row {
  OpKind kind;
  void (*run)(const OpContext&, const Op&);
  std::optional<OpKind> kernel = std::nullopt;
};
constexpr Row rows[] = {
    {OpKind::load_parameter, load_parameter},
    {OpKind::load_state, load_state},
    {OpKind::load_tokens, load_tokens},
    {OpKind::load_scalar, load_scalar},
    {OpKind::zero, zero},
    {OpKind::copy, copy},
    {OpKind::flatten, flatten},
    {OpKind::unflatten, unflatten},
    {OpKind::pad, pad},
    {OpKind::concatenate, concatenate},
    {OpKind::shard_slice, shard_slice},
    {OpKind::alibi_slopes, alibi_slopes, OpKind::alibi_slopes},
    {OpKind::accumulate_slices, accumulate_slices, OpKind::accumulate},
};

const Row* row_of_op(OpKind kind) {
  const auto row = std::ranges::find(rows, kind, &Row::kind);
  return row == std::end(rows) ? nullptr : row;
}

bool is_communication(OpKind kind) { return is_collective(kind) || kind == OpKind::wait; }

}  // namespace

void run_op(const OpContext& context, const Op& op) {
  SHARDPROOF_EXPECTS(!is_communication(op.kind), full_name(op), "is run by the communicator");
  const Row* row = row_of_op(op.kind);
  row == nullptr ? run_kernel(context, op) : row->run(context, op);
}

std::optional<OpKind> kernel_of(OpKind kind) {
  if (is_communication(kind)) return std::nullopt;
  const Row* row = row_of_op(kind);
  return row == nullptr ? kind : row->kernel;
}

std::vector<OpKind> lacking_kernels(const Device& device, const Program& program) {
  std::set<OpKind> lacking;
  for (const Segment& segment : program.segments)
    for (const Op& op : segment.ops) {
      const std::optional<OpKind> kernel = kernel_of(op.kind);
      if (kernel && device.kernels().find(*kernel) == nullptr) lacking.insert(*kernel);
    }
  return {lacking.begin(), lacking.end()};
}

void expect_kernels(const Device& device, const Program& program) {
  std::string names;
  for (const OpKind kind : lacking_kernels(device, program))
    names += (names.empty() ? "" : ", ") + std::string(name_of(kind));
  if (!names.empty())
    throw ScenarioError("the device \"" + std::string(device.name()) + "\" has no kernel for " +
                        names);
}

}  // namespace shardproof::real
