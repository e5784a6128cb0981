#include "reports/score/finding.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "scenarios/json/json_document.hpp"

namespace shardproof::reports {

namespace {

// A number that is not finite is written as a word.
double number_of(const JsonValue& value) {
  if (value.is_number()) return value.number;
  return value.is_string() && value.text != "nan" ? HUGE_VAL : std::nan("");
}

ToldCause told_cause(const JsonValue& cause) {
  ToldCause told{cause.find("name")->text, cause.find("text")->text, {}};
  if (const JsonValue& factor = *cause.find("coefficient"); !factor.is_null())
    told.coefficient = number_of(factor);
  return told;
}

void read_divergence(const JsonValue& first, Finding& finding) {
  if (!first.is_object()) return;
  finding.op = first.find("op")->text;
  for (const JsonValue& rank : first.find("ranks")->elements)
    finding.ranks.push_back(static_cast<int>(rank.integer));
  const double expected = std::fabs(number_of(*first.find("expected")));
  if (expected > 0) finding.used = number_of(*first.find("bound")) / expected;
  const JsonValue& cause = *first.find("cause");
  if (!cause.is_object()) return;
  finding.causes.push_back(told_cause(cause));
  for (const JsonValue& other : cause.find("alternatives")->elements)
    finding.causes.push_back(told_cause(other));
}

void read_losses(const JsonValue& trend, Finding& finding) {
  for (const JsonValue& point : trend.elements)
    if (point.find("quantity")->text == "loss")
      finding
          .losses[{point.find("execution")->text, static_cast<int>(point.find("step")->integer)}] =
          number_of(*point.find("value"));
}

}  // namespace

Finding read_finding(int exit_code, const std::string& message, const std::string& folder) {
  Finding finding;
  finding.exit_code = exit_code;
  finding.message = message;
  const std::string file = folder + "/summary.json";
  if (folder.empty() || !std::filesystem::exists(file)) return finding;
  const JsonValue summary = read_json(file);
  for (const JsonValue& check : summary.find("checks")->elements)
    if (check.find("outcome")->text == "fail") finding.failed.push_back(check.find("name")->text);
  read_divergence(*summary.find("first_divergence"), finding);
  read_losses(*summary.find("trend"), finding);
  return finding;
}

std::optional<double> loss_change(const Finding& faulty, const Finding& clean) {
  std::optional<double> largest;
  for (const auto& [moment, right] : clean.losses) {
    const auto found = faulty.losses.find(moment);
    if (found == faulty.losses.end() || !std::isfinite(right) || right == 0) continue;
    const double change = std::fabs(found->second - right) / std::fabs(right);
    largest = std::max(largest.value_or(0), std::isnan(change) ? HUGE_VAL : change);
  }
  return largest;
}

}  // namespace shardproof::reports
