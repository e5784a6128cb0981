#include "reports/judge.hpp"

#include <algorithm>
#include <future>
#include <memory>

#include "reports/checks/collectives.hpp"
#include "reports/checks/coverage.hpp"
#include "reports/checks/end_to_end.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/op_local.hpp"
#include "reports/checks/optimizer.hpp"
#include "reports/checks/plan.hpp"
#include "reports/checks/policy.hpp"
#include "reports/checks/replicas.hpp"
#include "reports/checks/round_trip.hpp"
#include "reports/checks/sim_real.hpp"
#include "reports/traces/engine_trace.hpp"
#include "reports/units/unit_walk.hpp"
#include "reports/verdict/first_divergence.hpp"
#include "reports/verdict/judge_context.hpp"
#include "scenarios/trace/collective_failure.hpp"

namespace shardproof::reports {

namespace {

std::string describe(const Injection& injection) {
  std::string text = injection.edit + " " + injection.op;
  const auto list = [&](const char* what, const std::vector<int>& values) {
    if (values.empty()) return;
    text += std::string(", ") + what;
    for (std::size_t i = 0; i < values.size(); ++i)
      text += (i ? "," : " ") + std::to_string(values[i]);
  };
  list("ranks", injection.ranks);
  list("steps", injection.steps);
  return text;
}

// Ranks that could not go on together: the first divergence is the collective that some left out.
FirstDivergence divergence_of(const CollectiveFailure& failure) {
  FirstDivergence divergence;
  divergence.execution = "sim";
  divergence.moment = failure.moment;
  divergence.phase = failure.phase;
  divergence.op = failure.op;
  divergence.ranks = failure.ranks;
  divergence.rank = failure.ranks.empty() ? 0 : failure.ranks.front();
  divergence.cause = Cause{failure.kind, std::nullopt, std::nullopt};
  return divergence;
}

class Judge {
 public:
  explicit Judge(const JudgeInput& input)
      : input_(input), units_(reference::expected_units(input.scenario)) {
    verdict_.scenario = input.scenario.name;
    verdict_.scenario_hash = scenario_hash(input.scenario);
    verdict_.executions = input.scenario.executions;
    verdict_.errors = input.errors;
    for (const Injection& injection : input.scenario.inject)
      verdict_.injected.push_back(describe(injection));
  }

  Verdict run() {
    open("sim", input_.sim_folder);
    open("real", input_.real_folder);
    if (input_.reference_folder) reference_.emplace(*input_.reference_folder);
    if (traces_.empty())
      nothing_to_judge();
    else
      check_all();
    conclude();
    return std::move(verdict_);
  }

 private:
  void open(const std::string& execution, const std::optional<std::string>& folder) {
    if (!folder) return;
    if (auto failure = read_collective_failure(*folder)) {
      collective_failure_ = std::move(failure);
      return;
    }
    traces_.push_back(std::make_unique<EngineTrace>(execution, *folder));
  }

  void nothing_to_judge() {
    for (const std::string& name : check_names()) {
      if (name == "collectives" && collective_failure_) {
        Tally tally(name, Proof::bitwise);
        tally.fail("sim: " + collective_failure_->kind + " at " + collective_failure_->op + ": " +
                   collective_failure_->report);
        verdict_.checks.push_back(tally.result());
      } else {
        verdict_.checks.push_back(not_run(name, "no engine execution finished"));
      }
    }
    if (!collective_failure_) return;
    verdict_.first_divergence = divergence_of(*collective_failure_);
    verdict_.first_divergence->reason = collective_failure_->report;
  }

  void check_all() {
    JudgeContext context{input_.scenario, precision_policy(input_.scenario), units_, {}, nullptr};
    for (const auto& trace : traces_) context.traces.push_back(trace.get());
    verdict_.environment = traces_.back()->reader().header().settings;
    if (reference_) context.reference = &*reference_;

    // The two halves of the arithmetic share nothing but the files, so they run side by side.
    TensorTable failing(input_.scenario.world);
    auto op_local = std::async(std::launch::async,
                               [&context, &failing] { return check_op_local(context, failing); });
    WalkFindings walk;
    TensorTable table(input_.scenario.world);
    UnitMemo memo;
    for (const EngineTrace* trace : context.traces) walk_units(context, *trace, memo, walk, table);
    std::vector<Tally> tallies{
        check_plan(context),        check_policy(context),      check_leaves(context),
        check_collectives(context), check_coverage(context),    std::move(walk.edges),
        check_replicas(context),    std::move(walk.continuity), op_local.get(),
        std::move(walk.plan_units), check_optimizer(context),   check_round_trip(context)};
    for (const Tally& tally : tallies)
      verdict_.checks.push_back(applies(tally.name())
                                    ? tally.result()
                                    : not_run(tally.name(), "inference has no optimizer state"));
    table.merge(failing);
    verdict_.tensors = table.rows();
    const SimReal sim_real = check_sim_real(context);
    verdict_.checks.push_back(sim_real.result);
    tallies.push_back(sim_real.tally);
    verdict_.checks.push_back(not_run("shadow", "the fp64 shadow is not built yet"));
    verdict_.checks.push_back(not_run("suspects", "statistical suspects are not built yet"));
    EndToEnd end_to_end = check_end_to_end(context);
    verdict_.checks.push_back(end_to_end.result);
    verdict_.trend = std::move(end_to_end.trend);

    const Divergence divergence = first_divergence(tallies, context.traces);
    verdict_.first_divergence = divergence.first;
    verdict_.other_failures = divergence.others;
  }

  bool applies(const std::string& check) const {
    return check != "optimizer" || input_.scenario.trains();
  }

  // A required check is one that the mode and the executions allow.
  bool required(const std::string& check) const {
    if (check == "shadow" || check == "suspects" || !applies(check)) return false;
    if (check == "sim_real") return input_.scenario.runs("sim") && input_.scenario.runs("real");
    if (check == "end_to_end") return input_.scenario.runs("reference");
    return true;
  }

  void conclude() {
    const auto any = [&](auto holds) {
      return std::any_of(verdict_.checks.begin(), verdict_.checks.end(), holds);
    };
    const bool failed = any([](const CheckResult& c) { return c.outcome == Outcome::fail; });
    const bool open = any([&](const CheckResult& c) {
      return required(c.name) && (c.outcome == Outcome::unknown || c.outcome == Outcome::not_run);
    });
    if (failed)
      verdict_.conclusion = Conclusion::fail;
    else if (!verdict_.errors.empty())
      verdict_.conclusion = Conclusion::error;
    else
      verdict_.conclusion = open ? Conclusion::unknown : Conclusion::pass;
  }

  const JudgeInput& input_;
  std::vector<reference::Unit> units_;
  std::vector<std::unique_ptr<EngineTrace>> traces_;
  std::optional<TraceReader> reference_;
  std::optional<CollectiveFailure> collective_failure_;
  Verdict verdict_;
};

}  // namespace

Verdict judge(const JudgeInput& input) { return Judge(input).run(); }

}  // namespace shardproof::reports
