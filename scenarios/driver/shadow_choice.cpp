#include "scenarios/driver/shadow_choice.hpp"

#include <cmath>

#include "scenarios/plan/accounts.hpp"

namespace shardproof {

namespace {

constexpr double cheap = 1.0 / 3;  // of the run
constexpr double number_bytes = 8;

double recorded_bytes(const Program& program) {
  return static_cast<double>(accounts_of(program).trace_bytes);
}

double cost(double numbers, double bytes) { return numbers + bytes / number_bytes; }
double cost_in_fp64(double bytes) { return cost(bytes / number_bytes, bytes); }

}  // namespace

double share_of_shadow(const Scenario& scenario, const Program& program, const RunCost& run) {
  Program whole = program;
  whole.steps = scenario.steps - scenario.first_step;
  const double numbers = recorded_bytes(whole) / number_bytes;
  const double of_run = scenario.engines() * cost(numbers, static_cast<double>(run.trace_bytes)) +
                        cost_in_fp64(static_cast<double>(run.reference_bytes));
  return cost_in_fp64(recorded_bytes(program)) / of_run;
}

ShadowChoice choose_shadow(const Scenario& scenario, const Shadow& shadow, const Program& program,
                           const RunCost& run) {
  ShadowChoice choice;
  choice.steps = shadow.scenario.steps;
  choice.left_out = shadow.left_out;
  choice.share = share_of_shadow(scenario, program, run);
  choice.runs = scenario.shadow.value_or(choice.share < cheap);
  if (choice.runs) return choice;
  const std::string percent = std::to_string(std::lround(100 * choice.share)) + " %";
  choice.reason = scenario.shadow
                      ? shadow_declined
                      : "it would take about " + percent +
                            " of what the run takes, not less than a third: --shadow runs it";
  return choice;
}

ShadowChoice without_shadow(const std::string& reason) {
  ShadowChoice choice;
  choice.reason = reason;
  return choice;
}

JsonValue to_json(const ShadowChoice& choice) {
  JsonValue left_out = JsonValue::array();
  for (const std::string& what : choice.left_out) left_out.append(what);
  return JsonValue::object()
      .set("runs", choice.runs)
      .set("steps", choice.steps)
      .set("estimated_share", choice.share)
      .set("left_out", std::move(left_out))
      .set("reason", choice.reason);
}

ShadowChoice shadow_choice_from_json(const JsonValue& json) {
  ShadowChoice choice;
  for (const auto& [key, place, value] : json.members) {
    if (key == "runs") choice.runs = value.boolean;
    if (key == "steps") choice.steps = static_cast<int>(value.integer);
    if (key == "estimated_share") choice.share = value.number;
    if (key == "reason") choice.reason = value.text;
    if (key == "left_out")
      for (const JsonValue& what : value.elements) choice.left_out.push_back(what.text);
  }
  return choice;
}

}  // namespace shardproof
