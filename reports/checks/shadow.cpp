#include "reports/checks/shadow.hpp"

#include "reports/checks/table.hpp"
#include "reports/verdict/first_divergence.hpp"
#include "scenarios/precision/mean_over_replicas.hpp"
#include "scenarios/precision/shadow.hpp"

namespace shardproof::reports {

namespace {

std::vector<RankedTally> run_checks(const JudgeContext& shadow) {
  Judging judging(shadow);
  std::vector<RankedTally> tallies;
  for (const Check& check : check_table())
    if (check.of_shadow) tallies.push_back({run_check(check, judging), check.sharpness});
  return tallies;
}

// "op_local, plan_units" of those that failed.
std::string failed_of(const std::vector<RankedTally>& checks) {
  std::string names;
  for (const RankedTally& check : checks)
    if (check.tally.result().outcome == Outcome::fail)
      names += (names.empty() ? "" : ", ") + check.tally.name();
  return names;
}

std::string reason_of_first_failed(const std::vector<RankedTally>& checks) {
  for (const RankedTally& check : checks)
    if (check.tally.result().outcome == Outcome::fail) return check.tally.result().reason;
  return "";
}

// What the checks of the shadow found is one check of the run.
void join(const std::vector<RankedTally>& checks, Tally& tally) {
  for (const RankedTally& check : checks) {
    const CheckResult result = check.tally.result();
    const bool open = result.outcome == Outcome::unknown || result.outcome == Outcome::not_run;
    if (open && result.required) tally.unknown(result.name + ": " + result.reason);
  }
  const std::string failed = failed_of(checks);
  Divergence divergence = first_divergence(checks);
  if (divergence.first) {
    const std::string sentence = failed + ": " + divergence.first->reason;
    tally.fail({divergence.sequence, *divergence.first, {}, divergence.evidence}, sentence);
  } else if (!failed.empty()) {
    tally.fail(failed + ": " + reason_of_first_failed(checks), 0);
  }
  for (const RankedTally& check : checks) tally.add(check.tally.result());
}

}  // namespace

ShadowTrace::ShadowTrace(Scenario scenario, const std::string& folder)
    : scenario_(std::move(scenario)),
      units_(reference::expected_units(scenario_, mean_over_replicas(scenario_))),
      trace_(open_trace(shadow_name, folder)),
      context_{scenario_, precision_policy(scenario_), units_, {trace_.get()}} {}

Tally check_shadow(const JudgeContext& context) {
  Tally tally("shadow", Proof::bitwise);
  if (context.shadow.context == nullptr)
    tally.not_required(context.shadow.not_run);
  else
    join(run_checks(*context.shadow.context), tally);
  return tally;
}

}  // namespace shardproof::reports
