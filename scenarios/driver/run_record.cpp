#include "scenarios/driver/run_record.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>

#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

RunRecord::Execution record_of(const JobResult& result) {
  return {result.name, result.exit_status, result.seconds, result.ok() ? "" : result.sentence,
          result.peaks};
}

namespace {

// Of an execution that left a trace: whether that is complete.
RunRecord::Execution execution_in(const std::string& folder, const std::string& name) {
  RunRecord::Execution execution{name, 0, 0, ""};
  try {
    const TraceReader complete(folder + "/" + name);
  } catch (const ScenarioError& error) {
    execution.exit_status = -1;
    execution.sentence = name + " did not finish: " + error.what();
  }
  return execution;
}

}  // namespace

void write_run_record(const std::string& folder, const RunRecord& record) {
  JsonValue executions = JsonValue::array();
  for (const RunRecord::Execution& execution : record.executions) {
    JsonValue peaks = JsonValue::array();
    for (const std::int64_t bytes : execution.peaks) peaks.append(bytes);
    executions.append(JsonValue::object()
                          .set("name", execution.name)
                          .set("exit_status", execution.exit_status)
                          .set("seconds", execution.seconds)
                          .set("sentence", execution.sentence)
                          .set("peaks", std::move(peaks)));
  }
  JsonValue estimate = JsonValue::object();
  for (const auto& [name, bytes] : record.memory_estimate) estimate.set(name, bytes);
  write_text(folder + "/run.json", write_json(JsonValue::object()
                                                  .set("schema", "shardproof-run-1")
                                                  .set("launcher", record.launcher)
                                                  .set("seconds", record.seconds)
                                                  .set("executions_at_once", record.limits.jobs)
                                                  .set("processors", record.limits.processors)
                                                  .set("shadow", to_json(record.shadow))
                                                  .set("said_of_memory", record.said_of_memory)
                                                  .set("memory_estimate", std::move(estimate))
                                                  .set("executions", std::move(executions)),
                                              2) +
                                       "\n");
}

RunRecord read_run_record(const std::string& folder) {
  const JsonValue json = read_json(folder + "/run.json");
  const JsonValue* executions = json.find("executions");
  const JsonValue* launcher = json.find("launcher");
  if (executions == nullptr || !executions->is_array() || launcher == nullptr)
    throw ScenarioError(json.place, "no record of a run: expected \"executions\" and \"launcher\"");
  RunRecord record;
  record.launcher = launcher->text;
  if (const JsonValue* seconds = json.find("seconds")) record.seconds = seconds->number;
  if (const JsonValue* count = json.find("executions_at_once"))
    record.limits.jobs = static_cast<int>(count->integer);
  if (const JsonValue* count = json.find("processors"))
    record.limits.processors = static_cast<int>(count->integer);
  if (const JsonValue* said = json.find("said_of_memory")) record.said_of_memory = said->text;
  if (const JsonValue* shadow = json.find("shadow"))
    record.shadow = shadow_choice_from_json(*shadow);
  if (const JsonValue* estimate = json.find("memory_estimate"))
    for (const JsonMember& member : estimate->members)
      record.memory_estimate[member.key] = member.value.integer;
  for (const JsonValue& entry : executions->elements) {
    RunRecord::Execution execution;
    for (const JsonMember& member : entry.members) {
      if (member.key == "name") execution.name = member.value.text;
      if (member.key == "exit_status")
        execution.exit_status = static_cast<int>(member.value.integer);
      if (member.key == "seconds") execution.seconds = member.value.number;
      if (member.key == "sentence") execution.sentence = member.value.text;
      if (member.key == "peaks")
        for (const JsonValue& bytes : member.value.elements)
          execution.peaks.push_back(bytes.integer);
    }
    record.executions.push_back(std::move(execution));
  }
  return record;
}

RunRecord record_of_traces(const std::string& folder, const Scenario& scenario) {
  RunRecord record;
  for (const Execution each : scenario.executions)
    record.executions.push_back(execution_in(folder, name_of(each)));
  record.shadow.runs = std::filesystem::exists(folder + "/" + shadow_name);
  if (record.shadow.runs)
    record.executions.push_back(execution_in(folder, shadow_name));
  else
    record.shadow.reason = "it was not run";
  return record;
}

std::optional<std::string> finished(const std::string& folder, const RunRecord& record,
                                    const std::string& execution) {
  const std::string path = folder + "/" + execution;
  for (const RunRecord::Execution& ran : record.executions)
    if (ran.name == execution &&
        (ran.exit_status == 0 || std::filesystem::exists(path + "/collective_failure.json")))
      return path;
  return std::nullopt;
}

std::vector<std::string> unfinished(const std::string& folder, const RunRecord& record) {
  std::vector<std::string> sentences;
  for (const RunRecord::Execution& ran : record.executions)
    if (ran.name != shadow_name && !ran.sentence.empty() && !finished(folder, record, ran.name))
      sentences.push_back(ran.sentence);
  return sentences;
}

std::string why_not_shadowed(const std::string& folder, const RunRecord& record) {
  if (!record.shadow.runs) return record.shadow.reason;
  if (finished(folder, record, shadow_name)) return "";
  for (const RunRecord::Execution& ran : record.executions)
    if (ran.name == shadow_name) return ran.sentence;
  return "it was not run";
}

std::map<std::string, std::int64_t> memory_peak_of(const RunRecord& record,
                                                   std::int64_t judge_peak) {
  std::map<std::string, std::int64_t> peak;
  std::vector<Load> loads;
  for (const RunRecord::Execution& ran : record.executions) {
    if (ran.peaks.empty()) continue;
    peak[ran.name == "real" ? "real_rank" : ran.name] = std::ranges::max(ran.peaks);
    const std::int64_t sum = std::reduce(ran.peaks.begin(), ran.peaks.end());
    loads.push_back({static_cast<std::uint64_t>(sum), static_cast<int>(ran.peaks.size())});
  }
  if (peak.empty()) return peak;
  peak["judge"] = judge_peak;
  peak["together"] =
      std::max(static_cast<std::int64_t>(most_at_once(loads, record.limits)), judge_peak);
  return peak;
}

std::map<std::string, double> timing_of(const RunRecord& record, double judge_seconds) {
  std::map<std::string, double> timing{{"judge_s", judge_seconds}};
  for (const RunRecord::Execution& ran : record.executions) timing[ran.name + "_s"] = ran.seconds;
  timing["total_s"] = record.seconds + judge_seconds;
  return timing;
}

}  // namespace shardproof
