#include "scenarios/checkpoint/held_state.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

// Follows one step: which state is read first, and which is written first.
class Step {
 public:
  explicit Step(const Program& program) : program_(program) {
    for (const Action& action : program_.schedule)
      if (action.kind == Action::Kind::repeat_steps) follow(action.body);
  }

  std::set<ValueId> carried() const {
    std::set<ValueId> carried = weights();
    for (const ValueId id : read_)
      if (ever_written_.contains(id)) carried.insert(id);
    return carried;
  }

  std::set<ValueId> changing() const {
    std::set<ValueId> changing = carried();
    for (const ValueId id : ever_written_)
      if (program_.value(id).lifetime == Lifetime::state) changing.insert(id);
    return changing;
  }

 private:
  void follow(const std::vector<Action>& actions) {
    for (const Action& action : actions) follow(action);
  }

  void follow(const Action& action) {
    if (action.kind == Action::Kind::run) return follow(program_.segment(action.segment));
    if (action.kind != Action::Kind::decide) return follow(action.body);
    read(action.value);
    // Only what both branches write is written for certain.
    const std::set<ValueId> before = written_;
    follow(action.body);
    const std::set<ValueId> in_body = std::exchange(written_, before);
    follow(action.otherwise);
    std::erase_if(written_, [&](ValueId id) { return !in_body.contains(id); });
  }

  void follow(const Segment& segment) {
    for (const Op& op : segment.ops) {
      for (const ValueId id : op.inputs) read(id);
      written_.insert(op.outputs.begin(), op.outputs.end());
      ever_written_.insert(op.outputs.begin(), op.outputs.end());
    }
  }

  void read(ValueId id) {
    if (program_.value(id).lifetime == Lifetime::state && !written_.contains(id)) read_.insert(id);
  }

  std::set<ValueId> weights() const {
    std::set<ValueId> loaded;
    for (const Segment& segment : program_.segments)
      for (const Op& op : segment.ops)
        if (op.kind == OpKind::load_parameter) loaded.insert(op.outputs.begin(), op.outputs.end());
    return loaded;
  }

  const Program& program_;
  std::set<ValueId> written_;  // for certain, so far in the step
  std::set<ValueId> ever_written_, read_;
};

// Of the ranks of a group that have the same, the first writes it.
bool is_first_replica(const Placement& placement, const ProcessGrid& grid, Rank rank) {
  return std::ranges::all_of(std::array{Axis::tp, Axis::dp}, [&](Axis axis) {
    return placement.on(axis).kind != AxisPlacement::Kind::replicate ||
           grid.group_rank(rank, axis) == GroupRank{0};
  });
}

}  // namespace

std::vector<ValueId> carried_values(const Program& program) {
  const std::set<ValueId> carried = Step(program).carried();
  return {carried.begin(), carried.end()};
}

std::vector<ValueId> changing_values(const Program& program) {
  const std::set<ValueId> changing = Step(program).changing();
  return {changing.begin(), changing.end()};
}

std::vector<TensorRow> carried_tensors(const Program& program) {
  std::vector<TensorRow> tensors;
  for (const ValueId id : carried_values(program)) {
    const Value& value = program.value(id);
    for (const Axis axis : {Axis::tp, Axis::dp})
      SHARDPROOF_EXPECTS(value.placement.on(axis).kind != AxisPlacement::Kind::partial, value.name,
                         "is a sum that is not reduced yet, and cannot be saved");
    if (value.layout < 0) {
      tensors.push_back({value.name, value.dtype, value.shape});
      continue;
    }
    for (const FlatLayout::Entry& entry :
         program.layouts.at(static_cast<std::size_t>(value.layout)).entries)
      tensors.push_back({with_parameter(value.name, entry.parameter), value.dtype, entry.shape});
  }
  return tensors;
}

std::vector<HeldTensor> held_state(const Program& program, Rank rank) {
  std::vector<HeldTensor> held;
  for (const ValueId id : carried_values(program)) {
    const Value& value = program.value(id);
    for (Piece& piece : pieces_of(program, value, rank)) {
      if (piece.is_padding || element_count(piece) == 0) continue;
      const bool saved = is_first_replica(piece.placement, program.grid(), rank);
      held.push_back({id, value.dtype, std::move(piece), saved});
    }
  }
  return held;
}

}  // namespace shardproof
