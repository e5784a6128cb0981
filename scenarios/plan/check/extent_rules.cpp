#include "scenarios/plan/check/extent_rules.hpp"

#include <algorithm>

namespace shardproof {

namespace {

std::string name_of_extent(const Program& program, int extent) {
  return extent < 0 ? "a number"
                    : "as " + program.extents.at(static_cast<std::size_t>(extent)).name;
}

// Expert e's tokens from operand `first` on: each of them of a number of rows of its own.
std::optional<std::string> each_expert(const Program& program, const std::vector<ValueId>& operands,
                                       std::size_t first, ValueId source) {
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Value& value = program.value(operands[i]);
    if (i < first) {
      if (value.extent >= 0) return value.name + " has rows that are data";
      continue;
    }
    if (value.extent < 0) return value.name + " has a fixed number of rows";
    const Extent& rows = program.extents.at(static_cast<std::size_t>(value.extent));
    if (rows.source != source || rows.expert != static_cast<std::int64_t>(i - first))
      return value.name + " has the rows of " + rows.name;
  }
  return std::nullopt;
}

bool sums_over_rows(OpKind kind) {
  return kind == OpKind::matmul_backward_weight || kind == OpKind::bias_backward;
}

// The first input's rows are the output's; whole rows go through.
std::optional<std::string> same_rows(const Program& program, const Op& op) {
  int extent = -1;
  for (const ValueId id : op.inputs) extent = std::max(extent, program.value(id).extent);
  for (const ValueId id : op.inputs) {
    const int own = program.value(id).extent;
    if (own >= 0 && own != extent) return program.value(id).name + " has other rows";
  }
  const int expected = sums_over_rows(op.kind) ? -1 : extent;
  for (const ValueId id : op.outputs) {
    const Value& value = program.value(id);
    if (value.extent != expected)
      return "the rows of " + value.name + " are " + name_of_extent(program, value.extent) +
             ", they become " + name_of_extent(program, expected);
  }
  return std::nullopt;
}

std::optional<std::string> either(std::optional<std::string> a, std::optional<std::string> b) {
  return a ? std::move(a) : std::move(b);
}

}  // namespace

std::optional<std::string> extent_problem(const Program& program, const Op& op) {
  const auto inputs = [&](std::size_t first, std::size_t source) {
    return op.inputs.size() <= source ? std::optional<std::string>("it has too few operands")
                                      : each_expert(program, op.inputs, first, op.inputs[source]);
  };
  switch (op.kind) {
    case OpKind::moe_dispatch:
      return either(inputs(2, 1), each_expert(program, op.outputs, 0, op.inputs.at(1)));
    case OpKind::moe_dispatch_backward:
      return either(inputs(1, 0), each_expert(program, op.outputs, 1, -1));
    case OpKind::moe_combine: return either(inputs(2, 0), each_expert(program, op.outputs, 1, -1));
    case OpKind::moe_combine_backward:
      return either(inputs(3, 1), each_expert(program, op.outputs, 1, op.inputs.at(1)));
    default: return same_rows(program, op);
  }
}

}  // namespace shardproof
