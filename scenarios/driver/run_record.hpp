#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/driver/supervisor.hpp"

namespace shardproof {

/// run.json: how the executions of one run went. Clocks and host stand here, never in a trace.
struct RunRecord {
  struct Execution {
    std::string name;
    int exit_status = -1;
    double seconds = 0;
    std::string sentence;  // of one that did not end well
  };
  std::vector<Execution> executions;
  std::string command;  // that repeats the run
  double seconds = 0;   // of all executions, by the clock
};

RunRecord::Execution record_of(const JobResult& result);
void write_run_record(const std::string& folder, const RunRecord& record);
/// Throws ScenarioError if the folder has no run.json, or one that is none.
RunRecord read_run_record(const std::string& folder);

}  // namespace shardproof
