#include "scenarios/plan/lifetimes.hpp"

#include <map>

#include "scenarios/counts.hpp"

namespace shardproof {

SegmentLifetimes lifetimes_of(const Program& program, const Segment& segment) {
  std::map<ValueId, std::pair<std::size_t, std::size_t>> first_and_last;
  const auto use = [&](ValueId named, std::size_t i) {
    const ValueId id = storage_of(program, named);
    if (program.value(id).lifetime != Lifetime::segment) return;
    const auto [found, added] = first_and_last.try_emplace(id, i, i);
    if (!added) found->second.second = i;
  };
  std::map<ValueId, ValueId> under_way;  // output of a started collective -> its input
  for (std::size_t i = 0; i < segment.ops.size(); ++i) {
    const Op& op = segment.ops[i];
    for (const ValueId id : op.inputs) use(id, i);
    for (const ValueId id : op.outputs) use(id, i);
    // A collective reads its input until its wait.
    if (is_collective(op.kind)) under_way[op.outputs[0]] = op.inputs[0];
    if (op.kind == OpKind::wait && under_way.contains(op.outputs[0]))
      use(under_way.at(op.outputs[0]), i);
  }
  SegmentLifetimes result;
  result.take.resize(segment.ops.size());
  result.give.resize(segment.ops.size());
  for (const auto& [id, range] : first_and_last) {
    result.take[range.first].push_back(id);
    result.give[range.second].push_back(id);
  }
  return result;
}

std::vector<ValueId> scope_values(const Program& program) {
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < program.values.size(); ++i)
    if (program.values[i].lifetime == Lifetime::scope) ids.push_back(static_cast<ValueId>(i));
  return ids;
}

std::size_t block_bytes(const Program& program, ValueId id, Rank rank) {
  const Value& value = program.value(id);
  const auto bytes =
      static_cast<std::size_t>(product(element_count(local_shape(program, value, rank)),
                                       static_cast<std::int64_t>(size_bytes(value.dtype))));
  constexpr std::size_t alignment = 64;
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace shardproof
