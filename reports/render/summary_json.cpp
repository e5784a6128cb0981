#include "reports/render/summary_json.hpp"

#include "reports/render/format.hpp"
#include "reports/render/json_parts.hpp"
#include "reports/render/power_table.hpp"

namespace shardproof::reports {

namespace {

template <class Map>
JsonValue dictionary(const Map& map) {
  JsonValue object = JsonValue::object();
  for (const auto& [key, value] : map) object.set(key, value);
  return object;
}

JsonValue count_or_null(int count) { return count < 0 ? JsonValue() : JsonValue(count); }

JsonValue check_json(const CheckResult& check) {
  return JsonValue::object()
      .set("name", check.name)
      .set("proof", name_of(check.proof))
      .set("outcome", name_of(check.outcome))
      .set("compared", check.compared)
      .set("failed", check.failed)
      .set("max_ratio", number_or_null(check.max_ratio))
      .set("reason", check.reason);
}

JsonValue cause_json(const Cause& cause) {
  JsonValue alternatives = JsonValue::array();
  for (const Cause& other : cause.alternatives) alternatives.append(cause_json(other));
  return JsonValue::object()
      .set("name", cause.name)
      .set("coefficient", number_or_null(cause.coefficient))
      .set("score", number_or_null(cause.score))
      .set("certain", cause.certain)
      .set("text", cause_text(cause))
      .set("alternatives", std::move(alternatives));
}

JsonValue divergence_json(const std::optional<FirstDivergence>& first) {
  if (!first) return {};
  return JsonValue::object()
      .set("execution", first->execution)
      .set("step", count_or_null(first->moment.step))
      .set("micro_step", count_or_null(first->moment.micro))
      .set("phase", first->phase ? name_of(*first->phase) : "")
      .set("op", first->op)
      .set("tensor", first->tensor)
      .set("rank", first->rank)
      .set("ranks", list(first->ranks))
      .set("index", list(first->index))
      .set("expected", first->expected)
      .set("got", first->got)
      .set("error", first->error)
      .set("bound", first->bound)
      .set("wrong_elements", first->wrong_elements)
      .set("cause", first->cause ? cause_json(*first->cause) : JsonValue())
      .set("reason", first->reason);
}

JsonValue suspects_json(const std::vector<SuspectOp>& suspects) {
  JsonValue array = JsonValue::array();
  for (const SuspectOp& suspect : suspects)
    array.append(JsonValue::object()
                     .set("execution", suspect.first.execution)
                     .set("step", count_or_null(suspect.first.moment.step))
                     .set("micro_step", count_or_null(suspect.first.moment.micro))
                     .set("op", suspect.first.op)
                     .set("tensor", suspect.first.tensor)
                     .set("ranks", list(suspect.first.ranks))
                     .set("index", list(suspect.first.index))
                     .set("expected", suspect.first.expected)
                     .set("got", suspect.first.got)
                     .set("z", suspect.z)
                     .set("signature", name_of(suspect.signature.kind))
                     .set("coefficient", suspect.signature.coefficient)
                     .set("standard_error", suspect.signature.standard_error)
                     .set("units", suspect.units));
  return array;
}

JsonValue power_json(const std::vector<TensorRow>& rows) {
  JsonValue array = JsonValue::array();
  for (const TensorRow& row : rows)
    if (row.power)
      array.append(JsonValue::object()
                       .set("tensor", row.name)
                       .set("max_ratio", row.max_ratio())
                       .set("scale", row.power->scale)
                       .set("scale_by_suspects", number_or_null(row.power->scale_by_suspects))
                       .set("steps", row.power->steps)
                       .set("bit", row.power->bit()));
  return array;
}

JsonValue baseline_json(const std::optional<BaselineUse>& baseline) {
  if (!baseline) return {};
  return JsonValue::object()
      .set("file", baseline->file)
      .set("judged", baseline->judged)
      .set("changes", list(baseline->changes));
}

JsonValue skipped_json(const std::vector<SkippedStep>& steps) {
  JsonValue array = JsonValue::array();
  for (const SkippedStep& skipped : steps)
    array.append(JsonValue::object()
                     .set("execution", skipped.execution)
                     .set("step", skipped.step)
                     .set("loss_scale", number_or_null(skipped.loss_scale)));
  return array;
}

JsonValue trend_json(const std::vector<TrendPoint>& trend) {
  JsonValue array = JsonValue::array();
  for (const TrendPoint& point : trend)
    array.append(JsonValue::object()
                     .set("execution", point.execution)
                     .set("step", point.step)
                     .set("quantity", point.quantity)
                     .set("value", point.value)
                     .set("reference", number_or_null(point.reference)));
  return array;
}

JsonValue memory_json(const Verdict& verdict) {
  return JsonValue::object()
      .set("estimate", dictionary(verdict.memory_estimate))
      .set("peak", dictionary(verdict.memory_peak));
}

}  // namespace

std::string summary_json(const Verdict& verdict) {
  JsonValue checks = JsonValue::array();
  for (const CheckResult& check : all_checks(verdict)) checks.append(check_json(check));
  const JsonValue summary =
      JsonValue::object()
          .set("schema", "shardproof-summary-1")
          .set("scenario", verdict.scenario)
          .set("scenario_hash", verdict.scenario_hash)
          .set("executions", list(verdict.executions))
          .set("hardware_simulated", verdict.hardware_simulated)
          .set("notices", list(verdict.notices))
          .set("exit_code", verdict.exit_code())
          .set("injected", list(verdict.injected))
          .set("verdict", name_of(verdict.conclusion))
          .set("checks", std::move(checks))
          .set("first_divergence", divergence_json(verdict.first_divergence))
          .set("other_failures", verdict.other_failures)
          .set("suspects", suspects_json(verdict.suspects))
          .set("power", power_json(verdict.tensors))
          .set("vacuous", list(vacuous_of(verdict)))
          .set("errors", list(verdict.errors))
          .set("skipped", skipped_json(verdict.skipped))
          .set("trend", trend_json(verdict.trend))
          .set("baseline", baseline_json(verdict.baseline))
          .set("shadow", verdict.shadow ? to_json(*verdict.shadow) : JsonValue())
          .set("environment", dictionary(verdict.environment))
          .set("timing", dictionary(verdict.timing))
          .set("memory", memory_json(verdict))
          .set("reproduce", verdict.reproduce);
  return write_json(summary, 2) + "\n";
}

}  // namespace shardproof::reports
