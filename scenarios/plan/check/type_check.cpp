#include "scenarios/plan/check/type_check.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "scenarios/plan/check/extent_rules.hpp"
#include "scenarios/plan/check/placement_rules.hpp"

namespace shardproof {

namespace {

/// The values that can be read at a place of a segment: what outlives segments, and what has been
/// written in this one. (A program has as many segments as layers: copying all of the former for
/// each would take the square of their number.)
class ReadyValues {
 public:
  explicit ReadyValues(const Program& program) : program_(program) {}

  bool contains(ValueId id) const {
    const auto changed = changed_.find(id);
    return changed == changed_.end() ? program_.value(id).lifetime != Lifetime::segment
                                     : changed->second;
  }
  void insert(ValueId id) { changed_[id] = true; }
  void erase(ValueId id) { changed_[id] = false; }

 private:
  const Program& program_;
  std::map<ValueId, bool> changed_;  // in this segment: whether it is ready now
};

class Checker {
 public:
  explicit Checker(const Program& program) : program_(program) {}

  std::vector<TypeProblem> run() {
    for (const Segment& segment : program_.segments) check_segment(segment);
    check_actions(program_.schedule);
    return std::move(problems_);
  }

 private:
  void report(const Op& op, const std::string& message) {
    problems_.push_back({full_name(op), message, &op});
  }

  void check_segment(const Segment& segment) {
    ReadyValues ready(program_);
    std::set<ValueId> pending;
    for (const Op& op : segment.ops) {
      check_arity(op);
      check_order(op, ready, pending);
      for (const ValueId id : op.outputs)
        if (program_.value(id).in_place_of >= 0) check_in_place(op, id, ready);
      for (const Axis axis : {Axis::tp, Axis::dp})
        if (program_.grid().size(axis) > 1)
          if (const auto problem = placement_problem(program_, op, axis))
            report(op, std::string(name_of(axis)) + ": " + *problem);
      if (const auto problem = extent_problem(program_, op)) report(op, *problem);
      for (const ValueId id : op.outputs)
        if (const int extent = program_.value(id).extent; extent >= 0)
          check_source(op, extent, ready);
    }
    for (const ValueId id : pending)
      problems_.push_back({segment.name, "nobody waits for " + program_.value(id).name});
  }

  void check_arity(const Op& op) {
    const OpRow& row = row_of(op.kind);
    const auto fits = [](int wanted, int optional, std::size_t got) {
      const auto count = static_cast<int>(got);
      return wanted < 0 ? count >= 1 : wanted <= count && count <= wanted + optional;
    };
    if (!fits(row.inputs, row.optional, op.inputs.size()) ||
        !fits(row.outputs, 0, op.outputs.size()))
      report(op, std::string(row.name) + " takes another number of operands");
    if ((is_collective(op.kind) || op.kind == OpKind::wait) && !op.group)
      report(op, "a collective without a group");
  }

  void check_source(const Op& op, int extent, const ReadyValues& ready) {
    const Extent& rows = program_.extents.at(static_cast<std::size_t>(extent));
    const Value& source = program_.value(rows.source);
    if (!ready.contains(rows.source))
      report(op, "its rows are counted in " + source.name + ", which is not written yet");
    if (program_.tp > 1 && source.placement.tp != replicate())
      report(op,
             "its rows are counted in " + source.name + ", of which TP ranks have unlike parts");
  }

  void check_order(const Op& op, ReadyValues& ready, std::set<ValueId>& pending) {
    if (op.kind == OpKind::wait) {
      for (const ValueId id : op.outputs) {
        if (pending.erase(id) == 0) report(op, "waits for nothing: " + program_.value(id).name);
        ready.insert(id);
      }
      return;
    }
    for (const ValueId id : op.inputs) {
      if (pending.contains(id))
        report(op, "reads " + program_.value(id).name + " before its collective is complete");
      else if (!ready.contains(id))
        report(op, "reads " + program_.value(id).name + " before it is written");
    }
    for (const ValueId id : op.outputs) {
      if (pending.contains(id))
        report(op, "writes " + program_.value(id).name + " while its collective is under way");
      if (is_collective(op.kind))
        pending.insert(id);
      else
        ready.insert(id);
    }
  }

  // What the memory held before has to be read by this op, and by nobody after it.
  void check_in_place(const Op& op, ValueId output, ReadyValues& ready) {
    const auto before = std::find_if(op.inputs.begin(), op.inputs.end(), [&](ValueId id) {
      return id != output && storage_of(program_, id) == storage_of(program_, output);
    });
    const Value& after = program_.value(output);
    if (before == op.inputs.end())
      return report(op, "writes " + after.name + " in place of what it does not read");
    const Value& held = program_.value(*before);
    if (held.shape != after.shape || held.dtype != after.dtype ||
        held.placement != after.placement || held.lifetime != after.lifetime)
      report(op, "writes " + after.name + " in place of " + held.name + ", which is unlike it");
    ready.erase(*before);
  }

  void check_actions(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      if (action.kind == Action::Kind::decide)
        for (const Axis axis : {Axis::tp, Axis::dp})
          if (program_.grid().size(axis) > 1 &&
              program_.value(action.value).placement.on(axis) != replicate())
            problems_.push_back({"decide", program_.value(action.value).name + " is " +
                                               to_string(program_.value(action.value).placement) +
                                               ": ranks could decide differently"});
      check_actions(action.body);
      check_actions(action.otherwise);
    }
  }

  const Program& program_;
  std::vector<TypeProblem> problems_;
};

}  // namespace

std::vector<TypeProblem> type_check(const Program& program) { return Checker(program).run(); }

}  // namespace shardproof
