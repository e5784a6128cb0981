#include "scenarios/driver/run_record.hpp"

#include <fstream>

#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof {

RunRecord::Execution record_of(const JobResult& result) {
  return {result.name, result.exit_status, result.seconds, result.ok() ? "" : result.sentence};
}

void write_run_record(const std::string& folder, const RunRecord& record) {
  JsonValue executions = JsonValue::array();
  for (const RunRecord::Execution& execution : record.executions)
    executions.append(JsonValue::object()
                          .set("name", execution.name)
                          .set("exit_status", execution.exit_status)
                          .set("seconds", execution.seconds)
                          .set("sentence", execution.sentence));
  std::ofstream file(folder + "/run.json");
  file << write_json(JsonValue::object()
                         .set("schema", "shardproof-run-1")
                         .set("command", record.command)
                         .set("seconds", record.seconds)
                         .set("executions", std::move(executions)),
                     2)
       << '\n';
  file.close();
  if (!file) throw EnvironmentError("cannot write " + folder + "/run.json");
}

RunRecord read_run_record(const std::string& folder) {
  const JsonValue json = read_json(folder + "/run.json");
  const JsonValue* executions = json.find("executions");
  const JsonValue* command = json.find("command");
  if (executions == nullptr || !executions->is_array() || command == nullptr)
    throw ScenarioError(json.place, "no record of a run: expected \"executions\" and \"command\"");
  RunRecord record;
  record.command = command->text;
  if (const JsonValue* seconds = json.find("seconds")) record.seconds = seconds->number;
  for (const JsonValue& entry : executions->elements) {
    RunRecord::Execution execution;
    for (const JsonMember& member : entry.members) {
      if (member.key == "name") execution.name = member.value.text;
      if (member.key == "exit_status")
        execution.exit_status = static_cast<int>(member.value.integer);
      if (member.key == "seconds") execution.seconds = member.value.number;
      if (member.key == "sentence") execution.sentence = member.value.text;
    }
    record.executions.push_back(std::move(execution));
  }
  return record;
}

}  // namespace shardproof
