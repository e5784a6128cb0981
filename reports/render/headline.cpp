#include "reports/render/headline.hpp"

#include <algorithm>

#include "reports/render/format.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

// "op_local, plan_units" of the checks with this outcome; empty if there are none.
std::string names_with(const std::vector<CheckResult>& checks, Outcome outcome) {
  std::string names;
  for (const CheckResult& check : checks)
    if (check.outcome == outcome) names += (names.empty() ? "" : ", ") + check.name;
  return names;
}

// The check that decided the verdict: the first that failed, else the first unknown one, else the
// first that did not run.
const CheckResult* deciding_check(const std::vector<CheckResult>& checks) {
  for (const Outcome outcome : {Outcome::fail, Outcome::unknown, Outcome::not_run})
    for (const CheckResult& check : checks)
      if (check.outcome == outcome) return &check;
  return nullptr;
}

}  // namespace

std::string tally_text(const std::vector<CheckResult>& checks) {
  std::vector<std::string> parts;
  const auto count = [&](Outcome outcome) {
    return std::count_if(checks.begin(), checks.end(),
                         [&](const CheckResult& check) { return check.outcome == outcome; });
  };
  const auto add = [&](Outcome outcome, const std::string& word, bool with_names) {
    const auto n = count(outcome);
    if (n == 0) return;
    parts.push_back(std::to_string(n) + " " + word +
                    (with_names ? " (" + names_with(checks, outcome) + ")" : ""));
  };
  add(Outcome::pass, "passed", false);
  add(Outcome::fail, "failed", true);
  add(Outcome::unknown, "unknown", true);
  add(Outcome::trend, "shown as a trend", true);
  // Where nothing ran, a list of all names says nothing.
  add(Outcome::not_run, "not run", count(Outcome::not_run) < std::ssize(checks) / 2);
  return joined(parts, ", ");
}

std::string headline_text(const Verdict& verdict, const std::vector<CheckResult>& checks) {
  if (verdict.conclusion == Conclusion::pass) return joined(verdict.executions, ", ") + " agree";
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

std::string compared_text(const std::vector<CheckResult>& checks) {
  std::int64_t compared = 0;
  for (const CheckResult& check : checks) compared += check.compared;
  return with_thousands(compared) + " elements, over all checks";
}

}  // namespace shardproof::reports
