#include "reports/render/headline.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "reports/render/format.hpp"
#include "reports/verdict/suspects.hpp"
#include "scenarios/listed.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

// What a check with this outcome did: the check of suspects shows ops and not how a run goes on.
std::string word_of(const CheckResult& check) {
  switch (check.outcome) {
    case Outcome::pass: return "passed";
    case Outcome::fail: return "failed";
    case Outcome::unknown: return "unknown";
    case Outcome::trend: return check.name == "suspects" ? "suspicious" : "shown as a trend";
    case Outcome::not_run: return "not run";
  }
  return "";
}

// The check that decided the verdict: the first that failed, else the first unknown one, else the
// first that did not run.
const CheckResult* deciding_check(const std::vector<CheckResult>& checks) {
  for (const Outcome outcome : {Outcome::fail, Outcome::unknown, Outcome::not_run})
    for (const CheckResult& check : checks)
      if (check.outcome == outcome) return &check;
  return nullptr;
}

// Of one execution: "2 of 4: step 0 (loss scale 65536), step 1 (loss scale 32768)".
std::string skipped_steps_text(const Verdict& verdict, const std::string& execution) {
  constexpr std::size_t shown = 4;
  std::vector<std::string> steps;
  for (const SkippedStep& skipped : verdict.skipped)
    if (skipped.execution == execution)
      steps.push_back(
          "step " + std::to_string(skipped.step) +
          (skipped.loss_scale ? " (loss scale " + rounded(*skipped.loss_scale) + ")" : ""));
  if (steps.empty()) return "";
  const std::size_t count = steps.size();
  if (count > shown) steps.resize(shown);
  return std::to_string(count) + " of " + counted(verdict.steps, "step") + ": " +
         joined(steps, ", ") + (count > shown ? ", ..." : "");
}

// "loss 3.47 to 3.31": of the first execution, first and last step; "" where there is no loss.
std::string loss_text(const std::vector<TrendPoint>& trend) {
  const TrendPoint* first = nullptr;
  const TrendPoint* last = nullptr;
  for (const TrendPoint& point : trend) {
    if (point.quantity != "loss" || (first && point.execution != first->execution)) continue;
    if (first == nullptr) first = &point;
    last = &point;
  }
  if (first == nullptr) return "";
  return "loss " + rounded(first->value) + (first == last ? "" : " to " + rounded(last->value));
}

}  // namespace

std::string tally_text(const std::vector<CheckResult>& checks) {
  std::vector<std::string> parts;
  for (const char* word :
       {"passed", "failed", "unknown", "suspicious", "shown as a trend", "not run"}) {
    std::vector<std::string> names;
    for (const CheckResult& check : checks)
      if (word_of(check) == word) names.push_back(check.name);
    if (names.empty()) continue;
    // Names of what passed say nothing, nor do, where nothing ran, those of all.
    const bool with_names = std::string(word) != "passed" &&
                            (std::string(word) != "not run" || names.size() < checks.size() / 2);
    parts.push_back(std::to_string(names.size()) + " " + word +
                    (with_names ? " (" + joined(names, ", ") + ")" : ""));
  }
  return joined(parts, ", ");
}

std::string headline_text(const Verdict& verdict, const std::vector<CheckResult>& checks) {
  if (verdict.conclusion == Conclusion::pass && verdict.baseline)
    return joined(verdict.executions, ", ") + ": bits of the judged run of " +
           verdict.baseline->judged;
  if (verdict.conclusion == Conclusion::pass)
    return joined(verdict.executions, ", ") +
           (verdict.executions.size() == 1 ? " is right" : " agree");
  if (verdict.conclusion == Conclusion::fail && verdict.first_divergence) {
    const FirstDivergence& first = *verdict.first_divergence;
    std::string text = place_text(first) + ", " + moment_text(first);
    if (!first.ranks.empty())
      text += (first.ranks.size() == 1 ? ", rank " : ", ranks ") + rank_list(first.ranks);
    return text;
  }
  if (verdict.conclusion == Conclusion::error && !verdict.errors.empty())
    return verdict.errors.front();
  const CheckResult* check = deciding_check(checks);
  return check == nullptr ? "no reason was given" : check->name + ": " + check->reason;
}

std::string hardware_text(const Verdict& verdict) {
  return verdict.hardware_simulated
             ? "simulated GPUs: this proves the code's logic, and nothing about any GPU"
             : "";
}

std::string skipped_text(const Verdict& verdict) {
  std::vector<std::string> parts;
  for (const std::string& execution : verdict.executions) {
    const std::string steps = skipped_steps_text(verdict, execution);
    if (steps.empty()) continue;
    // What all say alike is said once.
    if (!parts.empty() && parts.back().ends_with(steps))
      parts.back() = steps;
    else
      parts.push_back(execution + ": " + steps);
  }
  return joined(parts, "; ");
}

std::string trend_text(const Verdict& verdict) {
  std::vector<std::string> quantities;
  std::map<std::string, double> farthest;
  for (const TrendPoint& point : verdict.trend) {
    if (!point.reference) continue;
    if (!farthest.contains(point.quantity)) quantities.push_back(point.quantity);
    double& most = farthest[point.quantity];
    const double apart = std::fabs(point.value - *point.reference);
    most = std::isnan(apart) ? INFINITY : std::max(most, apart);
  }
  if (quantities.empty()) return "";
  for (std::string& quantity : quantities) quantity += " " + rounded(farthest[quantity]);
  const std::string loss = loss_text(verdict.trend);
  return (loss.empty() ? "" : loss + "; ") + "from fp64 at most: " + joined(quantities, ", ");
}

std::string shadow_text(const Verdict& verdict) {
  if (!verdict.shadow || !verdict.shadow->runs) return "";
  const std::string left_out = joined(verdict.shadow->left_out, ", ");
  return counted(verdict.shadow->steps, "step") + " in fp64" +
         (left_out.empty() ? "" : ", without " + left_out);
}

std::string left_out_text(const Verdict& verdict) {
  const bool could = verdict.conclusion == Conclusion::pass && verdict.shadow &&
                     !verdict.shadow->runs && verdict.shadow->steps > 0 &&
                     verdict.shadow->reason != shadow_declined;
  return could ? "the fp64 shadow was left out: " + verdict.shadow->reason : "";
}

std::string baseline_text(const Verdict& verdict) {
  return verdict.baseline ? verdict.baseline->file + ", judged in full " + verdict.baseline->judged
                          : "";
}

std::string changes_text(const Verdict& verdict) {
  if (!verdict.baseline) return "";
  if (!verdict.baseline->changes.empty()) return joined(verdict.baseline->changes, "; ");
  return verdict.conclusion == Conclusion::pass
             ? ""
             : "nothing that the traces tell of: suspect a race, or the hardware";
}

std::string compared_text(const Verdict& verdict, const std::vector<CheckResult>& checks) {
  std::int64_t compared = 0;
  for (const CheckResult& check : checks) compared += check.compared;
  return with_thousands(compared) +
         (verdict.baseline ? " values, by their hashes" : " elements, over all checks");
}

}  // namespace shardproof::reports
