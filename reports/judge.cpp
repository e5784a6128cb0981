#include "reports/judge.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "reports/cause/likely_cause.hpp"
#include "reports/checks/baseline.hpp"
#include "reports/checks/shadow.hpp"
#include "reports/checks/table.hpp"
#include "reports/traces/recorded_trace.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/first_divergence.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "reports/verdict/time_now.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/digest/saved_files.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/precision/mean_over_replicas.hpp"
#include "scenarios/precision/shadow.hpp"
#include "scenarios/trace/collective_failure.hpp"

namespace shardproof::reports {

namespace {

// What the edit needs beside its op.
std::string how(const Injection& injection) {
  char factor[40];
  std::snprintf(factor, sizeof factor, " by %.15g", injection.factor);
  switch (injection.edit) {
    case EditKind::scale: return factor;
    case EditKind::regroup: return " over " + injection.group;
    case EditKind::retype: return " in " + injection.dtype;
    case EditKind::set: return ", " + injection.value + ", " + name_of(injection.when);
    case EditKind::read:
    case EditKind::not_restored: return ", " + injection.value;
    default: return "";
  }
}

std::string describe(const Injection& injection) {
  std::string text = std::string(name_of(injection.edit)) + " " + injection.op + how(injection);
  const auto list = [&](const char* what, const std::vector<int>& values) {
    if (values.empty()) return;
    text += std::string(", ") + what;
    for (std::size_t i = 0; i < values.size(); ++i)
      text += (i ? "," : " ") + std::to_string(values[i]);
  };
  list("ranks", injection.ranks);
  list("steps", injection.steps);
  list("micro-steps", injection.micro_steps);
  return text;
}

// In the order of the table.
std::vector<RankedTally> run_all(Judging& judging,
                                 const std::function<void(int, int)>& on_progress) {
  std::vector<RankedTally> tallies;
  for (const Check& check : check_table()) {
    tallies.push_back({run_check(check, judging), check.sharpness});
    if (on_progress)
      on_progress(static_cast<int>(tallies.size()), static_cast<int>(check_table().size()));
  }
  return tallies;
}

class Judge {
 public:
  explicit Judge(const JudgeInput& input) : input_(input) {
    verdict_.scenario = input.scenario.name;
    verdict_.scenario_hash = scenario_hash(input.scenario);
    for (const Execution execution : input.scenario.executions)
      verdict_.executions.push_back(name_of(execution));
    verdict_.hardware_simulated =
        input.scenario.runs(Execution::real) && input.scenario.platform == Platform::cuda_simulated;
    verdict_.notices = input.scenario.notices;
    const std::vector<std::string>& warnings = input.scenario.partition.warnings;
    verdict_.notices.insert(verdict_.notices.end(), warnings.begin(), warnings.end());
    verdict_.errors = input.errors;
    for (const Injection& injection : input.scenario.inject)
      verdict_.injected.push_back(describe(injection));
  }

  Verdict run() {
    for (const JudgedExecution& execution : input_.engines) open(execution);
    open_shadow();
    if (input_.reference_folder) reference_.emplace(*input_.reference_folder);
    if (traces_.empty() || collective_failure_)
      nothing_to_judge();
    else if (input_.scenario.trace_tier == TraceTier::off)
      nothing_recorded("nothing was recorded: trace.tier is off");
    else if (input_.scenario.trace_tier == TraceTier::full)
      check_all();
    else if (input_.baseline)
      compare_digests(BaselineReader(*input_.baseline));
    else
      nothing_recorded("hashes alone were recorded: it takes a baseline to hold them against");
    conclude();
    if (verdict_.conclusion == Conclusion::pass) leave_baseline();
    return std::move(verdict_);
  }

 private:
  void open(const JudgedExecution& execution) {
    // Of hashes alone nothing tells why ranks parted.
    if (input_.scenario.trace_tier != TraceTier::full)
      if (auto failure = read_collective_failure(execution.folder)) {
        collective_failure_ = std::move(failure);
        failed_execution_ = execution.name;
        return;
      }
    // Of hashes alone the programs are read only where they are asked for.
    traces_.push_back(
        input_.scenario.trace_tier == TraceTier::digest
            ? std::make_unique<RecordedTrace>(execution.name, TraceReader(execution.folder))
            : open_trace(execution.name, execution.folder));
  }

  void open_shadow() {
    const ShadowInput& given = input_.shadow;
    shadow_.not_run = given.not_run;
    if (!given.scenario) return;
    shadow_trace_.emplace(*given.scenario, given.folder);
    shadow_.context = &shadow_trace_->context();
  }

  void nothing_to_judge() {
    for (const Check& check : check_table()) {
      Tally tally(check.name, check.proof);
      if (check.sharpness == symptom && collective_failure_)
        tally.fail(sentence_of(failed_execution_, *collective_failure_));
      else
        tally.not_run("no engine execution finished");
      add(check, tally);
    }
    if (!collective_failure_) return;
    verdict_.first_divergence = divergence_of(failed_execution_, *collective_failure_);
    verdict_.first_divergence->reason = sentence_of(failed_execution_, *collective_failure_);
  }

  // Never a pass: a run of which nothing is known has proved nothing.
  void nothing_recorded(const std::string& reason) {
    verdict_.environment = traces_.back()->reader().header().settings;
    for (const Check& check : check_table()) {
      Tally tally(check.name, check.proof);
      tally.not_run(reason);
      add(check, tally);
    }
  }

  std::vector<const RecordedTrace*> recorded() const {
    std::vector<const RecordedTrace*> traces;
    for (const auto& trace : traces_) traces.push_back(trace.get());
    return traces;
  }

  void compare_digests(const BaselineReader& baseline) {
    verdict_.environment = traces_.back()->reader().header().settings;
    BaselineFindings found = compare_with_baseline(baseline, recorded());
    const bool alike = found.tally.result().outcome == Outcome::pass;
    for (const Check& check : check_table()) {
      Tally tally(check.name, check.proof);
      if (check.needs == Needs::baseline)
        tally = std::move(found.tally);
      else
        tally.not_required(alike ? "carried by the baseline" : "hashes alone were recorded");
      add(check, tally);
    }
    verdict_.baseline = std::move(found.use);
    verdict_.first_divergence = std::move(found.first);
  }

  // What is planted and does not show is no baseline: a run like it may have it, too.
  void leave_baseline() {
    if (input_.new_baseline.empty() || input_.scenario.trace_tier != TraceTier::full ||
        !input_.scenario.inject.empty())
      return;
    try {
      write_new_baseline();
    } catch (const EnvironmentError& error) {  // no reason to lose a verdict
      verdict_.notices.push_back(std::string("it left no baseline: ") + error.what());
    }
  }

  void write_new_baseline() const {
    Baseline baseline{time_now(),
                      judge_identity(),
                      hashed_scenario(input_.scenario),
                      traces_.front()->reader().header().program_hash,
                      {}};
    BaselineWriter writer(input_.new_baseline);
    for (const auto& trace : traces_) {
      const TraceReader& reader = trace->reader();
      for (int rank = 0; rank < trace->world(); ++rank)
        writer.add(trace->execution(), rank, digest_of(reader, rank));
      baseline.runs.push_back(
          {trace->execution(), trace->world(), settings_of(reader), saved_files(reader.folder())});
    }
    writer.close(baseline);
  }

  void check_all() {
    units_ = reference::expected_units(input_.scenario, mean_over_replicas(input_.scenario));
    JudgeContext& context = context_.emplace(JudgeContext{
        input_.scenario, precision_policy(input_.scenario), units_, recorded(), nullptr});
    verdict_.environment = traces_.back()->reader().header().settings;
    if (reference_) context.reference = &*reference_;
    context.shadow = shadow_;

    Judging& judging = judging_.emplace(context);
    const std::vector<RankedTally> tallies = run_all(judging, input_.on_progress);
    for (std::size_t i = 0; i < tallies.size(); ++i) add(check_table()[i], tallies[i].tally);
    verdict_.trend = std::move(judging.trend);
    if (judging.walk) verdict_.suspects = judging.walk->suspects.list();
    if (input_.scenario.trains())
      for (const auto& trace : traces_) describe_steps(*trace);

    Divergence divergence = first_divergence(tallies);
    if (divergence.first) {
      const bool of_shadow = divergence.first->execution == shadow_name && shadow_.context;
      explain(divergence, of_shadow ? *shadow_.context : context);
      tell_of_parting(*divergence.first);
    }
    verdict_.first_divergence = divergence.first;
    verdict_.other_failures = divergence.others;
    show_tensors(judging, divergence);
  }

  // Why it is wrong is no reason to lose that it is.
  void explain(Divergence& divergence, const JudgeContext& context) {
    try {
      divergence.first->cause =
          likely_cause(context, *divergence.first, divergence.sequence, divergence.evidence);
    } catch (const InvariantError& error) {
      tell_that_nothing_was_found(error);
    } catch (const ScenarioError& error) {
      tell_that_nothing_was_found(error);
    }
  }
  void tell_that_nothing_was_found(const std::exception& error) {
    verdict_.notices.push_back(std::string("the search for the cause ended: ") + error.what());
  }

  // Where ranks parted at the very op that is wrong, who waits where says most of it.
  void tell_of_parting(FirstDivergence& first) const {
    for (const auto& trace : traces_)
      if (const auto& parted = trace->failure();
          parted && trace->execution() == first.execution && parted->op == first.op) {
        first.cause = Cause{parted->kind};
        first.reason = sentence_of(trace->execution(), *parted);
      }
  }

  void show_tensors(Judging& judging, const Divergence& divergence) {
    if (divergence.first && divergence.first->execution != shadow_name)  // whose tensors are others
      judging.table.mark_first(*divergence.first, divergence.sequence);
    verdict_.tensors = judging.table.rows();
    verdict_.step_errors = judging.table.steps();
    const auto place = [&](const StepError& error) {
      return std::ranges::find(traces_, error.execution,
                               [](const auto& trace) { return trace->execution(); });
    };
    std::ranges::stable_sort(verdict_.step_errors, {}, place);
  }

  // The loss scale of every step, and which were skipped.
  void describe_steps(const RecordedTrace& trace) {
    const Scenario& scenario = input_.scenario;
    verdict_.steps = scenario.steps - scenario.first_step;
    const reference::SkippedSteps skipped = skipped_steps(scenario, trace);
    for (int step = scenario.first_step; step < scenario.steps; ++step) {
      const auto scale = recorded_scalar(trace, scalar_path(step, "loss_scale"), 0);
      if (scale)
        verdict_.trend.push_back({trace.execution(), step, "loss_scale", *scale, std::nullopt});
      if (skipped.contains(step)) verdict_.skipped.push_back({trace.execution(), step, scale});
    }
  }

  void add(const Check& check, const Tally& tally) {
    CheckResult result = tally.result();
    result.required = result.required && check.required(input_.scenario);
    verdict_.checks.push_back(std::move(result));
  }

  void conclude() {
    const auto any = [&](auto holds) {
      return std::any_of(verdict_.checks.begin(), verdict_.checks.end(), holds);
    };
    const bool failed = any([](const CheckResult& c) { return c.outcome == Outcome::fail; });
    const bool open = any([&](const CheckResult& c) {
      return c.required && (c.outcome == Outcome::unknown || c.outcome == Outcome::not_run);
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
  std::vector<std::unique_ptr<RecordedTrace>> traces_;
  std::optional<TraceReader> reference_;
  std::optional<ShadowTrace> shadow_trace_;
  JudgedShadow shadow_;
  std::optional<JudgeContext> context_;
  std::optional<Judging> judging_;
  std::optional<CollectiveFailure> collective_failure_;
  std::string failed_execution_;  // of the simulated cluster that came to a standstill
  Verdict verdict_;
};

}  // namespace

Verdict judge(const JudgeInput& input) {
  auto judge = std::make_unique<Judge>(input);
  Verdict verdict = judge->run();
  // Where a search for leaks finds it.
  static const Judge* left_to_the_end = nullptr;
  if (input.ends_process) left_to_the_end = judge.release();
  static_cast<void>(left_to_the_end);
  return verdict;
}

}  // namespace shardproof::reports
