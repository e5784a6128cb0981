#include "real/lowering/ill_typed.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "scenarios/errors.hpp"
#include "scenarios/model/families.hpp"
#include "scenarios/partition/own_cut.hpp"
#include "scenarios/partition/tp_plan.hpp"

namespace shardproof::real {

namespace {

// An op, and the cut module that does not fit it: whose output it cannot take, or its own.
struct Misfit {
  const Op* op;
  std::string module;

  bool own() const { return op->module == module; }
};

// Walks from what an op reads back to who wrote it.
class Search {
 public:
  Search(const Scenario& scenario, const Program& program, const Segment& segment)
      : scenario_(scenario), program_(program), segment_(segment) {}

  // The nearest module that is cut, of those whose outputs come to `op` divided over tp: on the way
  // of the activations, if there is one, since a gradient is cut because they are.
  std::optional<std::string> cut_before(std::size_t op) {
    std::vector<ValueId> inputs = segment_.ops[op].inputs;
    std::stable_partition(inputs.begin(), inputs.end(), [&](ValueId id) {
      return program_.value(id).name.starts_with("forward/");
    });
    for (const ValueId input : inputs) {
      if (program_.value(input).placement.tp == replicate()) continue;
      const std::optional<std::size_t> writer = writer_of(input, op);
      if (!writer || !seen_.insert(*writer).second) continue;
      const std::string& module = segment_.ops[*writer].module;
      if (is_cut(module)) return module;
      if (std::optional<std::string> further = cut_before(*writer)) return further;
    }
    return std::nullopt;
  }

  // Whether `op` is of a module that is cut by rows, so takes a part, and is given all.
  bool takes_too_much(std::size_t op) const {
    const Op& taker = segment_.ops[op];
    return scenario_.partition.of(taker.module).style == LayerPartition::Style::row &&
           !taker.inputs.empty() && program_.value(taker.inputs[0]).placement.tp == replicate();
  }

 private:
  bool is_cut(const std::string& module) const {
    return scenario_.partition.of(module).style != LayerPartition::Style::replicated;
  }
  std::optional<std::size_t> writer_of(ValueId value, std::size_t before) const {
    while (before-- > 0)
      if (std::ranges::find(segment_.ops[before].outputs, value) !=
          segment_.ops[before].outputs.end())
        return before;
    return std::nullopt;
  }

  const Scenario& scenario_;
  const Program& program_;
  const Segment& segment_;
  std::set<std::size_t> seen_;
};

std::optional<Misfit> misfit_of(const Scenario& scenario, const Program& program,
                                const TypeProblem& problem) {
  for (const Segment& segment : program.segments)
    for (std::size_t i = 0; i < segment.ops.size(); ++i) {
      const Op& op = segment.ops[i];
      if (full_name(op) != problem.op) continue;
      Search search(scenario, program, segment);
      if (const auto module = search.cut_before(i)) return Misfit{&op, *module};
      if (search.takes_too_much(i)) return Misfit{&op, op.module};
    }
  return std::nullopt;
}

// There may be none, AutoTP may refuse it, and a family that has a cut of our own needs it.
bool tp_plan_decides(const Family& family, const PartitionRules& rules) {
  const std::vector<TpPlanStyle> plan = tp_plan_of(family, rules.tp_plan, rules.place);
  return family.own_cut.empty() && !plan.empty() && knows_all_styles(plan);
}

std::string way_out(const Scenario& scenario, const std::string& module) {
  const PartitionRules& rules = scenario.parallel.partition_rules;
  const std::string skip = "a partition_config that skips " + module;
  if (rules.custom) return "let the partition_config skip " + module + ", or cut both alike";
  const Family& family = family_of(scenario.model.family);
  if (!family.preset.empty() && family.preset != rules.preset)
    return "write \"preset_model\": \"" + family.preset + "\" in tensor_parallel, or " + skip;
  if (rules.preset.empty() || !tp_plan_decides(family, rules)) return "write " + skip;
  return "leave preset_model \"" + rules.preset +
         "\" away, so that the model's tp_plan decides, or write " + skip;
}

std::string explanation(const Scenario& scenario, const Misfit& misfit) {
  const LayerPartition& cut = scenario.partition.of(misfit.module);
  const bool column = cut.style == LayerPartition::Style::column;
  const std::string ways = std::string(column ? "columns" : "rows") + " (" + cut.rule +
                           "): " + way_out(scenario, misfit.module) +
                           own_cut_as_way_out(family_of(scenario.model.family));
  if (misfit.own())
    return misfit.module + " cannot take what no module before it cuts: it is cut by " + ways;
  return misfit.op->module + " cannot take what " + misfit.module + " gives, which is cut by " +
         ways;
}

SourcePlace place_of(const Scenario& scenario) {
  const PartitionRules& rules = scenario.parallel.partition_rules;
  return rules.preset.empty() ? rules.place : rules.preset_place;
}

}  // namespace

void refuse_ill_typed(const Scenario& scenario, const Program& program,
                      std::span<const TypeProblem> problems) {
  const TypeProblem& first = problems.front();
  const std::string detail =
      first.op + ": " + first.message + "; " + std::to_string(problems.size()) + " problems in all";
  for (const TypeProblem& problem : problems)
    if (const auto misfit = misfit_of(scenario, program, problem))
      throw ScenarioError(place_of(scenario), explanation(scenario, *misfit) + " (" + detail + ")");
  throw ScenarioError(scenario.name +
                      ": the plan is ill typed, which is a fault of Shardproof's "
                      "and not of the scenario: " +
                      detail);
}

}  // namespace shardproof::real
