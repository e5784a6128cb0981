#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/driver/shadow_choice.hpp"
#include "scenarios/driver/supervisor.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// run.json: how the executions of one run went. Clocks and host stand here, never in a trace.
struct RunRecord {
  struct Execution {
    std::string name;
    int exit_status = -1;
    double seconds = 0;
    std::string sentence;                  // of one that did not end well
    std::vector<std::int64_t> peaks = {};  // of memory, in bytes, of its processes
  };
  std::vector<Execution> executions;
  std::string launcher;  // how ranks were started; "": as usual
  double seconds = 0;    // of all executions, by the clock
  SideBySide limits;
  ShadowChoice shadow;
  std::string said_of_memory;                           // Fit::said
  std::map<std::string, std::int64_t> memory_estimate;  // by ProcessNeeds::key, and "together"
};

RunRecord::Execution record_of(const JobResult& result);
void write_run_record(const std::string& folder, const RunRecord& record);
/// Throws ScenarioError if the folder has no run.json, or one that is none.
RunRecord read_run_record(const std::string& folder);
/// The record of a run that was killed before it wrote one: what has left a complete trace is taken
/// to have ended well.
RunRecord record_of_traces(const std::string& folder, const Scenario& scenario);

/// The folder of an execution that is to be judged; nullopt if it did not finish. A simulated
/// cluster that came to a standstill has said why, and that is judged too.
std::optional<std::string> finished(const std::string& folder, const RunRecord& record,
                                    const std::string& execution);
/// The sentences of the executions that did not finish; a run does without its shadow.
std::vector<std::string> unfinished(const std::string& folder, const RunRecord& record);
/// Why there is no shadow to be judged; "" if there is one.
std::string why_not_shadowed(const std::string& folder, const RunRecord& record);

/// The most memory that there was, by the names of the estimate; the judge's is `judge_peak`. Of
/// those that ran at once the sum is taken: their peaks may well have come at one time. Empty of a
/// run that has told none.
std::map<std::string, std::int64_t> memory_peak_of(const RunRecord& record,
                                                   std::int64_t judge_peak);

/// reference_s, sim_s, real_s, judge_s, total_s.
std::map<std::string, double> timing_of(const RunRecord& record, double judge_seconds);

}  // namespace shardproof
