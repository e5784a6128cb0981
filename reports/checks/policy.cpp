#include "reports/checks/policy.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include "reports/checks/flat_order.hpp"
#include "reports/units/plan_unit.hpp"
#include "reports/verdict/findings.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

namespace {

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

/// A dtype with the number that tells what it can hold: "bf16 (8 significant bits)".
std::string shown(Dtype dtype) {
  if (dtype == Dtype::int64) return name_of(dtype);
  return std::string(name_of(dtype)) + " (" + std::to_string(format_of(dtype).precision) +
         " significant bits)";
}

template <typename T>
double as_real(const T& value) {
  return static_cast<double>(value);
}
double as_real(const std::optional<std::int64_t>& value) {
  return static_cast<double>(value.value_or(-1));
}

/// The numbers of a function, but for those that say how large a rank's part is.
struct Numbers {
  std::vector<std::pair<const char*, double>> list;

  template <typename T>
  void operator()(reference::Number field, const T& value) {
    list.emplace_back(field.name, as_real(value));
  }
  void operator()(reference::Number field, const std::vector<double>& values) {
    list.emplace_back(field.name, as_real(values.size()));  // first: lists of two lengths differ
    for (const double value : values) list.emplace_back(field.name, value);
  }
  template <typename T>
  void operator()(reference::Size, const T&) {}
};
std::vector<std::pair<const char*, double>> numbers_of(
    const reference::UnitAttributes& attributes) {
  Numbers numbers;
  for_each_field(attributes, numbers);
  return numbers.list;
}

/// The numbers that ops must carry: those of the reference units of the same function and module,
/// or of the same function where it is no module's: of the same output (tables), or of any
/// (optimizer).
class ExpectedNumbers {
 public:
  explicit ExpectedNumbers(const std::vector<reference::Unit>& units) {
    for (const reference::Unit& unit : units) {
      by_module_.try_emplace({unit.kind, unit.module}, unit.attributes);
      if (unit.module.empty())
        by_output_.try_emplace({unit.kind, name_in_folder(unit.output)}, unit.attributes);
      by_kind_.try_emplace(unit.kind, unit.attributes);
    }
  }
  /// nullptr: no unit has this function.
  const reference::UnitAttributes* of(reference::UnitKind kind, const std::string& module,
                                      const std::string& output) const {
    if (const auto found = by_module_.find({kind, module}); found != by_module_.end())
      return &found->second;
    if (const auto found = by_output_.find({kind, output}); found != by_output_.end())
      return &found->second;
    const auto found = by_kind_.find(kind);
    return found == by_kind_.end() ? nullptr : &found->second;
  }
  bool belongs_to(reference::UnitKind kind, const std::string& module) const {
    return by_module_.contains({kind, module});
  }

 private:
  using ByName = std::map<std::pair<reference::UnitKind, std::string>, reference::UnitAttributes>;
  ByName by_module_, by_output_;
  std::map<reference::UnitKind, reference::UnitAttributes> by_kind_;
};

std::optional<double> number(const Op& op, const std::string& key) {
  const auto found = op.attributes.find(key);
  if (found == op.attributes.end()) return std::nullopt;
  if (const auto* real = std::get_if<double>(&found->second)) return *real;
  if (const auto* integer = std::get_if<std::int64_t>(&found->second))
    return static_cast<double>(*integer);
  return std::nullopt;
}

/// The same of a dtype that an op's attribute names; the attribute as it is where it names none.
std::string shown_dtype(const std::string& name) {
  const std::optional<Dtype> dtype = dtype_from_name(name);
  return dtype ? shown(*dtype) : name;
}

std::string word(const Op& op, const std::string& key) {
  const auto found = op.attributes.find(key);
  const auto* value =
      found == op.attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value == nullptr ? "none" : *value;
}

/// The program of one rank, one segment after another. Problems are returned per op.
class ProgramPolicy {
 public:
  ProgramPolicy(const JudgeContext& context, const ExpectedNumbers& numbers, const Program& program)
      : scenario_(context.scenario),
        policy_(context.policy),
        numbers_(numbers),
        program_(program) {}

  /// What is wrong with op `at` of a segment, and what that makes wrong where it is known.
  struct Problem {
    std::string text;  // empty if nothing is
    std::optional<Cause> cause = {};
  };
  Problem problem(const Segment& segment, std::size_t at) const {
    const Op& op = segment.ops[at];
    for (const std::string& found :
         {compute_problem(op), number_problem(op), output_problem(op), wire_problem(op)})
      if (!found.empty()) return {found};
    if (const std::string found = packing_problem(op); !found.empty())
      return {found, Cause{"another operand", std::nullopt, 1.0, found, true}};
    return {mean_problem(segment, at)};
  }

 private:
  std::string compute_problem(const Op& op) const {
    const std::string compute = word(op, "compute");
    return compute == name_of(policy_.compute) ? ""
                                               : "it computes in " + shown_dtype(compute) +
                                                     ", the policy says " + shown(policy_.compute);
  }

  std::string number_problem(const Op& op) const {
    // The mean's factor is no function's of the model: scale_problem compares it.
    if (op.kind == OpKind::scale && op.phase == Phase::reduce) return "";
    const std::optional<PlanUnit> unit = plan_unit(program_, op, 0, policy_, Rank{0});
    const reference::UnitAttributes* attributes =
        unit ? numbers_.of(unit->kind, op.module, program_.value(op.outputs[0]).name) : nullptr;
    if (attributes == nullptr) return "";
    const auto got = numbers_of(unit->attributes), expected = numbers_of(*attributes);
    for (std::size_t i = 0; i < got.size(); ++i)
      if (got[i].second != expected[i].second)
        return std::string(got[i].first) + " is " + shown(got[i].second) + ", the scenario says " +
               shown(expected[i].second);
    return "";
  }

  Dtype dtype(ValueId id) const { return program_.value(id).dtype; }
  bool working_or_master(Dtype d) const { return d == policy_.working || d == policy_.master; }

  std::string output_problem(const Op& op) const {
    for (std::size_t i = 0; i < op.outputs.size(); ++i) {
      const Dtype got = dtype(op.outputs[i]);
      const std::optional<Dtype> expected = expected_output(op, i);
      const bool right = expected ? got == *expected : working_or_master(got);
      if (right) continue;
      return program_.value(op.outputs[i]).name + " is " + shown(got) + ", the policy says " +
             (expected ? shown(*expected)
                       : shown(policy_.working) + " or " + shown(policy_.master));
    }
    return input_problem(op);
  }

  /// nullopt: the working or the master dtype.
  std::optional<Dtype> expected_output(const Op& op, std::size_t i) const {
    if (op.kind == OpKind::attention && i == 1) return policy_.compute;  // the log-sum-exp
    if (op.kind == OpKind::route && i == 0) return Dtype::int64;         // the chosen experts
    if (op.kind == OpKind::load_scalar)
      return word(op, "scalar") == "loss_scale" ? policy_.master : policy_.scalars;
    if (const auto declared = policy_.output(op.kind)) return declared;
    if (op.kind == OpKind::cast || op.inputs.empty()) return std::nullopt;
    return dtype(op.inputs[0]);
  }

  /// What only moves, adds or scales takes all its operands in one dtype.
  std::string input_problem(const Op& op) const {
    if (op.kind == OpKind::cast)
      return working_or_master(dtype(op.inputs.at(0)))
                 ? ""
                 : "it casts from " + shown(dtype(op.inputs[0])) + ", the policy says " +
                       shown(policy_.working) + " or " + shown(policy_.master);
    if (policy_.output(op.kind)) return "";
    for (const ValueId id : op.inputs)
      if (dtype(id) != dtype(op.outputs.at(0)))
        return program_.value(id).name + " is " + shown(dtype(id)) + ", what it becomes " +
               shown(dtype(op.outputs.at(0)));
    return "";
  }

  std::string wire_problem(const Op& op) const {
    if (!is_collective(op.kind)) return "";
    const Dtype operand = dtype(op.inputs.at(0));
    const Dtype expected = policy_.wire(op.kind, op.group.value_or(Axis::tp), operand);
    const std::string wire = word(op, "wire");
    return wire == name_of(expected) ? ""
                                     : "it travels and adds in " + shown_dtype(wire) +
                                           ", the policy says " + shown(expected);
  }

  // A flat vector has in each place what its layout says: of two parameters of one size no shape
  // tells which one lies there.
  std::string packing_problem(const Op& op) const {
    if (op.kind == OpKind::flatten)
      return misplaced(op.inputs, program_.value(op.outputs.at(0)).layout, "it packs ");
    if (op.kind == OpKind::unflatten)
      return misplaced(op.outputs, program_.value(op.inputs.at(0)).layout, "it unpacks ");
    return "";
  }

  std::string misplaced(const std::vector<ValueId>& parts, int layout, const char* does) const {
    if (layout < 0) return std::string(does) + "what has no layout";
    const auto& entries = program_.layouts.at(static_cast<std::size_t>(layout)).entries;
    if (parts.size() != entries.size())
      return does + std::to_string(parts.size()) + " parts of a vector of " +
             std::to_string(entries.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string& name = program_.value(parts[i]).name;
      if (!name.ends_with("/" + entries.at(i).parameter))
        return does + name + " in place " + std::to_string(i) + " of its vector, where " +
               entries[i].parameter + " belongs";
    }
    return "";
  }

  // The average over the replicas (spec-autotp 7.7.2, 7.7.3). ZeRO divides each term by D before
  // the reduction, stage 0 multiplies the sum by RN(1/D) after it. Anything else that scales is a
  // fault.
  std::string mean_problem(const Segment& segment, std::size_t at) const {
    const Op& op = segment.ops[at];
    if (op.kind == OpKind::divide || op.kind == OpKind::scale) {
      const std::string problem =
          op.kind == OpKind::divide ? divide_problem(op) : scale_problem(op);
      return problem.empty() ? repeated_problem(segment, at) : problem;
    }
    const std::string d = std::to_string(scenario_.data_parallel());
    if (is_averaging_step(op)) return "it does not apply 1/D, D = " + d;
    if (op.kind == OpKind::flatten && op.phase == Phase::reduce) return unreduced_problem(op);
    if (op.name.starts_with(row_of(OpKind::accumulate_slices).name) &&
        op.kind != OpKind::accumulate_slices)
      return "it does not add what the rank owns of the bucket";
    if (!reduces_gradients(op)) return "";
    const bool applied =
        policy_.divide_before ? divided_before(segment, at) : scaled_after(segment, at);
    // An op that stands where the average belongs is blamed itself.
    if (applied || has_averaging_step(segment, op.module)) return "";
    return policy_.divide_before ? "its operand is not divided by D = " + d + " before it"
                                 : "its result is not multiplied by 1/D, D = " + d + ", after it";
  }

  // What the optimizer is handed are means over the replicas, not the sums of one.
  std::string unreduced_problem(const Op& op) const {
    const auto is_partial = [&](ValueId id) {
      return program_.value(id).placement.dp == partial();
    };
    const auto sum = std::ranges::find_if(op.inputs, is_partial);
    const bool alone = scenario_.data_parallel() == 1;
    if (alone || is_partial(op.outputs.at(0)) || sum == op.inputs.end()) return "";
    return "it takes " + program_.value(*sum).name + ", which is not reduced over the " +
           std::to_string(scenario_.data_parallel()) + " replicas";
  }

  // By its name the op that applies 1/D to a bucket, whatever it does.
  bool is_averaging_step(const Op& op) const {
    return op.phase == Phase::reduce && op.name == (policy_.divide_before ? "divide" : "scale");
  }
  bool has_averaging_step(const Segment& segment, const std::string& bucket) const {
    return std::ranges::any_of(
        segment.ops, [&](const Op& op) { return op.module == bucket && is_averaging_step(op); });
  }

  bool reduces_gradients(const Op& op) const {
    return op.kind == OpKind::all_reduce && op.phase == Phase::reduce &&
           program_.value(op.inputs.at(0)).layout >= 0 && scenario_.data_parallel() > 1;
  }

  std::string divide_problem(const Op& op) const {
    const double divisor = number(op, "divisor").value_or(0);
    if (!policy_.divide_before || op.phase != Phase::reduce)
      return "it divides by " + shown(divisor) + ", the policy divides nothing here";
    return divisor == scenario_.data_parallel() ? ""
                                                : "it divides by " + shown(divisor) + ", D is " +
                                                      std::to_string(scenario_.data_parallel());
  }

  // A mean that is taken of a mean: by the second op, whatever comes of it later.
  std::string repeated_problem(const Segment& segment, std::size_t at) const {
    const Op* before = producer(segment, at);
    if (segment.ops[at].phase != Phase::reduce || before == nullptr ||
        before->kind != segment.ops[at].kind)
      return "";
    return "it applies 1/D a second time, D = " + std::to_string(scenario_.data_parallel());
  }

  std::string scale_problem(const Op& op) const {
    // A model's own factor, which number_problem compares.
    if (op.phase != Phase::reduce && numbers_.belongs_to(reference::UnitKind::scale, op.module))
      return "";
    const double factor = number(op, "factor").value_or(0),
                 expected = 1.0 / scenario_.data_parallel();
    if (policy_.divide_before || op.phase != Phase::reduce)
      return "it multiplies by " + shown(factor) + ", the policy scales nothing here";
    return factor == expected ? ""
                              : "it multiplies by " + shown(factor) + ", 1/D is " + shown(expected);
  }

  /// The op that wrote the operand of op `at`.
  static const Op* producer(const Segment& segment, std::size_t at) {
    const ValueId operand = segment.ops[at].inputs.at(0);
    for (std::size_t i = at; i-- > 0;)
      if (std::ranges::count(segment.ops[i].outputs, operand) > 0) return &segment.ops[i];
    return nullptr;
  }

  static bool divided_before(const Segment& segment, std::size_t at) {
    const Op* op = producer(segment, at);
    return op != nullptr && op->kind == OpKind::divide;
  }

  static bool scaled_after(const Segment& segment, std::size_t at) {
    const ValueId result = segment.ops[at].outputs.at(0);
    return std::any_of(
        segment.ops.begin() + static_cast<std::ptrdiff_t>(at), segment.ops.end(),
        [&](const Op& op) { return op.kind == OpKind::scale && op.inputs.at(0) == result; });
  }

  const Scenario& scenario_;
  const PrecisionPolicy& policy_;
  const ExpectedNumbers& numbers_;
  const Program& program_;
};

const ExecutedOp* first_run(const EngineTrace& trace, int rank, const Op& op) {
  for (const ExecutedOp& executed : trace.executed(rank))
    if (executed.op == &op) return &executed;
  return nullptr;
}

void note(const EngineTrace& trace, int rank, const Op& op, const ProgramPolicy::Problem& problem,
          Tally& tally, Findings& findings) {
  const ExecutedOp* executed = first_run(trace, rank, op);
  if (executed == nullptr) {
    tally.fail(trace.execution() + ": " + full_name(op) + ", rank " + std::to_string(rank) + ": " +
               problem.text);
    return;
  }
  tally.add(0, 1, Proof::bitwise);
  const std::string value = op.outputs.empty() ? "" : trace.program(rank).value(op.outputs[0]).name;
  Failure failure = failure_of(trace, rank, *executed, folder_of(executed->moment) + "/" + value);
  failure.divergence.cause = problem.cause;
  findings.add(failure, problem.text);
}

// Where the order is left to a library, each is one that it may take.
bool adds_in_order(const TraceHeader& header, ReductionOrder order) {
  const auto found = header.settings.find("reduction");
  return order == ReductionOrder::library ||
         (found != header.settings.end() && found->second == name_of(order));
}

void check_trace(const JudgeContext& context, const EngineTrace& trace, Tally& tally) {
  const ExpectedNumbers numbers(context.units);
  Findings findings;
  for (int rank = 0; rank < trace.world(); ++rank) {
    if (!adds_in_order(trace.reader().header(rank), context.policy.order))
      tally.fail(trace.execution() + ", rank " + std::to_string(rank) +
                 ": its reductions are not in the order " + name_of(context.policy.order));
    const std::string order = flat_order_problem(context.scenario, trace.program(rank));
    if (!order.empty())
      tally.fail(trace.execution() + ", rank " + std::to_string(rank) + ": " + order);
    const ProgramPolicy policy(context, numbers, trace.program(rank));
    for (const Segment& segment : trace.program(rank).segments)
      for (std::size_t at = 0; at < segment.ops.size(); ++at) {
        tally.add(1, 0, Proof::bitwise);
        const ProgramPolicy::Problem problem = policy.problem(segment, at);
        if (!problem.text.empty()) note(trace, rank, segment.ops[at], problem, tally, findings);
      }
  }
  findings.report(tally);
}

}  // namespace

Tally check_policy(const JudgeContext& context) {
  Tally tally("policy", Proof::bitwise);
  for (const EngineTrace* trace : context.engines()) check_trace(context, *trace, tally);
  return tally;
}

}  // namespace shardproof::reports
