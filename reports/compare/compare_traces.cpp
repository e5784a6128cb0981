#include "reports/compare/compare_traces.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "scenarios/errors.hpp"
#include "scenarios/plan/program_json.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

namespace {

using State = TensorComparison::State;

struct Full {
  std::vector<std::byte> bytes;
  std::string problem;  // why there is none
};

// Puts a tensor together from the ranks' parts. Replicas must agree: which would be the tensor?
Full assemble(const TraceReader& trace, const std::vector<StoredDataset>& parts) {
  const DatasetInfo& first = parts.front().info;
  const std::size_t size = size_bytes(first.dtype);
  const auto elements = static_cast<std::size_t>(element_count(first.full_shape));
  Full full{std::vector<std::byte>(elements * size), ""};
  std::vector<std::byte> covered(elements), ones;
  for (const StoredDataset& part : parts) {
    if (part.info.full_shape != first.full_shape || part.info.dtype != first.dtype)
      return {{}, "its ranks disagree on shape or dtype"};
    const std::vector<std::byte> bytes = trace.read(part);
    const auto count = static_cast<std::size_t>(element_count(part.info.regions));
    std::vector<std::byte> seen(count), before(bytes.size());
    extract(covered, first.full_shape, part.info.regions, 1, seen);
    extract(full.bytes, first.full_shape, part.info.regions, size, before);
    for (std::size_t i = 0; i < count; ++i)
      if (seen[i] != std::byte{0} &&
          !std::equal(&bytes[i * size], &bytes[i * size] + size, &before[i * size]))
        return {{}, "its replicas differ, on rank " + std::to_string(part.rank)};
    scatter(bytes, part.info.regions, first.full_shape, size, full.bytes);
    ones.assign(count, std::byte{1});
    scatter(ones, part.info.regions, first.full_shape, 1, covered);
  }
  if (std::find(covered.begin(), covered.end(), std::byte{0}) != covered.end())
    return {{}, "its parts do not cover it"};
  return full;
}

// Equal shapes do not make two partial sums alike: rank by rank they are terms of different sums.
std::string why_not_comparable(const DatasetInfo& a, const DatasetInfo& b, bool same_grid) {
  if (a.full_shape != b.full_shape)
    return "full shapes " + to_string(a.full_shape) + " and " + to_string(b.full_shape);
  if (a.dtype != b.dtype)
    return std::string("dtypes ") + name_of(a.dtype) + " and " + name_of(b.dtype);
  const auto is_partial = [](const DatasetInfo& info) {
    return info.placement.find("partial") != std::string::npos;
  };
  if (is_partial(a) != is_partial(b)) return "partial in one, whole in the other";
  if (is_partial(a) && !same_grid) return "partial sums over different grids";
  return "";
}

std::string about(const TraceHeader& header) {
  return header.execution + ", tp " + std::to_string(header.tp) + " x dp " +
         std::to_string(header.dp);
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
      result.op = (only_b ? in_b : in_a)->second.front().info.op;
      return result;
    }
    const DatasetInfo& a = in_a->second.front().info;
    const DatasetInfo& b = in_b->second.front().info;
    result.op = a.op;
    result.reason = why_not_comparable(a, b, same_grid_);
    if (result.reason.empty()) compare_bytes(in_a->second, in_b->second, result);
    if (!result.reason.empty()) result.state = State::not_comparable;
    return result;
  }

 private:
  void compare_bytes(const std::vector<StoredDataset>& a, const std::vector<StoredDataset>& b,
                     TensorComparison& result) const {
    const Full full_a = assemble(a_, a);
    if (!full_a.problem.empty()) return void(result.reason = "in A, " + full_a.problem);
    const Full full_b = assemble(b_, b);
    if (!full_b.problem.empty()) return void(result.reason = "in B, " + full_b.problem);
    const DatasetInfo& info = a.front().info;
    result.bits = compare_bits(full_a.bytes, full_b.bytes, info.dtype);
    if (result.bits.failed == 0) return;
    result.state = State::different;
    result.first_index = unravel(result.bits.first_failed, info.full_shape);
  }

  const TraceReader& a_;
  const TraceReader& b_;
  bool same_grid_ = false;
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

void find_first(TraceComparison& comparison) {
  for (std::size_t i = 0; i < comparison.tensors.size(); ++i)
    if (comparison.tensors[i].state == State::different)
      return void(comparison.first_different = static_cast<int>(i));
}

void find_first_with_equal_inputs(TraceComparison& comparison, const TraceHeader& header) {
  const Program program = program_from_json(parse_json(header.program_json, "/program"));
  InputStates states(program);
  for (std::size_t i = 0; i < comparison.tensors.size(); ++i) {
    const TensorComparison& tensor = comparison.tensors[i];
    if (tensor.state == State::different && states.inputs_equal(tensor.op))
      return void(comparison.first_different_with_equal_inputs = static_cast<int>(i));
    states.tell(name_in_folder(tensor.path), tensor.state);
  }
}

}  // namespace

const char* name_of(TensorComparison::State state) {
  switch (state) {
    case State::equal: return "equal";
    case State::different: return "different";
    case State::not_comparable: return "not_comparable";
    case State::only_a: return "only_a";
    case State::only_b: return "only_b";
  }
  return "";
}

std::int64_t TraceComparison::count(TensorComparison::State state) const {
  return std::count_if(tensors.begin(), tensors.end(),
                       [&](const TensorComparison& tensor) { return tensor.state == state; });
}

int TraceComparison::exit_code() const {
  if (count(State::different) > 0) return 1;
  const bool compared = std::any_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return tensor.state == State::equal && tensor.bits.compared > 0;
  });
  return compared ? 0 : 2;
}

TraceComparison compare_traces(const std::string& folder_a, const std::string& folder_b) {
  const TraceReader a(folder_a), b(folder_b);
  if (a.header().model_hash != b.header().model_hash)
    throw ScenarioError("two traces of different models: " + folder_a + " is of model " +
                        a.header().model_hash + ", " + folder_b + " of " + b.header().model_hash);
  TraceComparison comparison;
  comparison.a = folder_a;
  comparison.b = folder_b;
  comparison.about_a = about(a.header());
  comparison.about_b = about(b.header());
  const Pair pair(a, b);
  for (const std::string& path : paths_in_order(a))
    comparison.tensors.push_back(pair.compare(path));
  for (const std::string& path : paths_in_order(b))
    if (!a.datasets().contains(path)) comparison.tensors.push_back(pair.compare(path));
  find_first(comparison);
  if (!a.header().program_json.empty() && !b.header().program_json.empty())
    find_first_with_equal_inputs(comparison, a.header());
  return comparison;
}

}  // namespace shardproof::reports
