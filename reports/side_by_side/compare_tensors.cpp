#include "reports/side_by_side/compare_tensors.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "reports/side_by_side/tensor_differences.hpp"
#include "reports/side_by_side/tensor_parts.hpp"
#include "reports/values/work.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/program_json.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

namespace {

using State = TensorComparison::State;

// Equal shapes do not make two partial sums alike: rank by rank they are terms of different sums.
std::string why_not_comparable(const DatasetInfo& a, const DatasetInfo& b, bool same_grid) {
  if (a.full_shape != b.full_shape)
    return "full shapes " + to_string(a.full_shape) + " and " + to_string(b.full_shape);
  const auto is_partial = [](const DatasetInfo& info) {
    return info.placement.find("partial") != std::string::npos;
  };
  if (is_partial(a) != is_partial(b)) return "partial in one, whole in the other";
  if (is_partial(a) && !same_grid) return "partial sums over different grids";
  return "";
}

// Compares the datasets of one path.
class Pair {
 public:
  Pair(const TraceReader& a, const TraceReader& b) : a_(a), b_(b) {
    same_grid_ = a.header().tp == b.header().tp && a.header().dp == b.header().dp;
  }

  TensorComparison compare(const std::string& path) const {
    const auto in_a = a_.datasets().find(path), in_b = b_.datasets().find(path);
    TensorComparison result;
    result.path = path;
    if (in_a == a_.datasets().end() || in_b == b_.datasets().end()) {
      const bool only_b = in_a == a_.datasets().end();
      result.state = only_b ? State::only_b : State::only_a;
      (only_b ? result.op_b : result.op_a) = (only_b ? in_b : in_a)->second.front().info.op;
      return result;
    }
    const DatasetInfo& a = in_a->second.front().info;
    const DatasetInfo& b = in_b->second.front().info;
    result.op_a = a.op;
    result.op_b = b.op;
    result.by_value = a.dtype != b.dtype;
    compare_elements(in_a->second, in_b->second, result);
    return result;
  }

 private:
  // Also of what cannot be compared it is asked whether its replicas agree.
  void compare_elements(const std::vector<StoredDataset>& a, const std::vector<StoredDataset>& b,
                        TensorComparison& result) const {
    const TensorParts in_a = parts_of(a_, a), in_b = parts_of(b_, b);
    for (const auto& [parts, name] : {std::pair{&in_a, "in A, "}, {&in_b, "in B, "}})
      if (!parts->problem.empty() && (result.reason.empty() || parts->replicas_differ)) {
        result.reason = name + parts->problem;
        result.state = parts->replicas_differ ? State::replicas_differ : State::not_comparable;
        if (parts->replicas_differ) return;
      }
    const DatasetInfo& info = a.front().info;
    if (result.reason.empty()) {
      result.reason = why_not_comparable(info, b.front().info, same_grid_);
      // Of some tensors nobody need have all: rows of experts that no token chose.
      if (result.reason.empty() && !have_same_elements(in_a, in_b))
        result.reason = "A and B do not have the same elements of it";
      if (!result.reason.empty()) result.state = State::not_comparable;
    }
    if (!result.reason.empty()) return;
    result.elements.compared = element_count(info.full_shape);
    if (!result.by_value && have_same_bits(in_a, in_b)) return;
    Differences differences = differences_of(in_a, in_b);
    differences.elements.compared = result.elements.compared;
    result.elements = differences.elements;
    result.largest = differences.largest;
    if (result.elements.failed == 0) return;
    result.state = State::different;
    result.first_index = unravel(result.elements.first_failed, info.full_shape);
  }

  const TraceReader& a_;
  const TraceReader& b_;
  bool same_grid_ = false;
};

// Each path is a part of the work.
class Comparing : public Work {
 public:
  Comparing(const Pair& pair, std::vector<std::string> paths)
      : pair_(pair), paths_(std::move(paths)), tensors_(paths_.size()) {}
  std::size_t parts() const override { return paths_.size(); }
  void run(std::size_t part) override { tensors_[part] = pair_.compare(paths_[part]); }
  std::vector<TensorComparison>& tensors() { return tensors_; }

 private:
  const Pair& pair_;
  std::vector<std::string> paths_;
  std::vector<TensorComparison> tensors_;
};

// Paths in the order of execution. Ranks own unlike numbers of optimizer pieces, so their counts
// drift apart; a step's never mixes with another's.
std::vector<std::string> paths_in_order(const TraceReader& trace) {
  std::vector<std::tuple<Moment::Stage, int, std::int64_t, std::string>> order;
  for (const auto& [path, parts] : trace.datasets()) {
    std::int64_t first = parts.front().info.order;
    for (const StoredDataset& part : parts) first = std::min(first, part.info.order);
    const Moment moment = moment_of(path);
    order.emplace_back(moment.stage, moment.step, first, path);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> paths;
  for (auto& entry : order) paths.push_back(std::move(std::get<3>(entry)));
  return paths;
}

// Whether everything that an op read is equal in both traces. Tensors are told in order of
// execution; what a name held last counts. A value that could not be compared, or was only moved
// and never recorded, is as equal as what it was computed from.
class InputStates {
 public:
  explicit InputStates(const Program& program) : program_(program) {
    for (const Segment& segment : program.segments)
      for (const Op& op : segment.ops) {
        if (op.kind == OpKind::wait) continue;  // it completes what its collective writes
        ops_.emplace(full_name(op), &op);
        for (const ValueId id : op.outputs) writers_[id].push_back(&op);
      }
  }

  void tell(const std::string& name, State state) { states_[name] = state; }

  bool inputs_equal(const std::string& op) const {
    const auto found = ops_.find(op);
    std::set<ValueId> seen;
    return found != ops_.end() && all_equal(*found->second, seen);
  }

 private:
  bool all_equal(const Op& op, std::set<ValueId>& seen) const {
    return std::all_of(op.inputs.begin(), op.inputs.end(),
                       [&](ValueId id) { return equal(id, seen); });
  }

  bool equal(ValueId id, std::set<ValueId>& seen) const {
    if (!seen.insert(id).second) return true;  // asked already
    const std::optional<State> state = state_of(program_.value(id).name);
    if (state == State::equal) return true;
    if (state == State::different) return false;
    const auto writers = writers_.find(id);
    return writers != writers_.end() &&
           std::all_of(writers->second.begin(), writers->second.end(),
                       [&](const Op* op) { return all_equal(*op, seen); });
  }

  // Of "optimizer/*/master" the worst of all parameters; nothing if none was told.
  std::optional<State> state_of(const std::string& name) const {
    const auto star = name.find('*');
    if (star == std::string::npos) {
      const auto found = states_.find(name);
      return found == states_.end() ? std::nullopt : std::optional(found->second);
    }
    const std::string before = name.substr(0, star), after = name.substr(star + 1);
    std::optional<State> worst;
    for (auto at = states_.lower_bound(before);
         at != states_.end() && at->first.starts_with(before); ++at) {
      if (at->first.size() < name.size() || !at->first.ends_with(after)) continue;
      if (at->second == State::different) return State::different;
      if (!worst || at->second != State::equal) worst = at->second;
    }
    return worst;
  }

  const Program& program_;
  std::map<std::string, const Op*> ops_;
  std::map<ValueId, std::vector<const Op*>> writers_;
  std::map<std::string, State> states_;  // by name in the folder of a moment
};

void find_first(TensorsSideBySide& comparison) {
  for (std::size_t i = 0; i < comparison.tensors.size(); ++i)
    if (comparison.tensors[i].state == State::different)
      return void(comparison.first_different = static_cast<int>(i));
}

void find_first_with_equal_inputs(TensorsSideBySide& comparison, const TraceHeader& header) {
  const Program program = program_from_json(parse_json(header.program_json, "/program"));
  InputStates states(program);
  for (std::size_t i = 0; i < comparison.tensors.size(); ++i) {
    const TensorComparison& tensor = comparison.tensors[i];
    if (tensor.state == State::different && states.inputs_equal(tensor.op_a))
      return void(comparison.first_different_with_equal_inputs = static_cast<int>(i));
    states.tell(name_in_folder(tensor.path), tensor.state);
  }
}

}  // namespace

const char* name_of(TensorComparison::State state) {
  switch (state) {
    case State::equal: return "equal";
    case State::different: return "different";
    case State::replicas_differ: return "replicas_differ";
    case State::not_comparable: return "not_comparable";
    case State::only_a: return "only_a";
    case State::only_b: return "only_b";
  }
  return "";
}

double TensorComparison::relative_distance() const {
  return elements.max_absolute == 0 ? 0 : elements.max_absolute / largest;
}

std::int64_t TensorsSideBySide::count(TensorComparison::State state) const {
  return std::count_if(tensors.begin(), tensors.end(),
                       [&](const TensorComparison& tensor) { return tensor.state == state; });
}

TensorsSideBySide compare_tensors(const TraceReader& a, const TraceReader& b) {
  if (a.header().model_hash != b.header().model_hash)
    throw ScenarioError("two traces of different models: " + a.folder() + " is of model " +
                        a.header().model_hash + ", " + b.folder() + " of " + b.header().model_hash);
  std::vector<std::string> paths = paths_in_order(a);
  for (std::string& path : paths_in_order(b))
    if (!a.datasets().contains(path)) paths.push_back(std::move(path));
  const Pair pair(a, b);
  const auto comparing = std::make_shared<Comparing>(pair, std::move(paths));
  run_parts(comparing);
  TensorsSideBySide comparison;
  comparison.tensors = std::move(comparing->tensors());
  find_first(comparison);
  if (!a.header().program_json.empty() && !b.header().program_json.empty())
    find_first_with_equal_inputs(comparison, a.header());
  return comparison;
}

}  // namespace shardproof::reports
