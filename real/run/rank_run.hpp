#pragma once

#include <functional>
#include <map>
#include <string>

#include "real/comm/communicator.hpp"
#include "real/device.hpp"
#include "real/run/inputs.hpp"
#include "real/run/rank_executor.hpp"
#include "real/run/recorder.hpp"
#include "real/run/schedule_runner.hpp"
#include "scenarios/plan/edits.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::real {

/// The program of a scenario, lowered and type-checked. Throws ScenarioError if it is ill typed and
/// no defect is planted, or if it is to go on from a checkpoint of another state.
Program checked_program(const Scenario& scenario);

/// One rank of a run with everything it owns: edited program, trace, executor, schedule. A
/// simulated cluster holds one per rank in one process, the real engine one in each.
class RankRun {
 public:
  struct Setting {
    const Scenario& scenario;
    const Program& program;  // unedited
    const Inputs& inputs;
    Execution execution;
    std::string folder;  // of the traces
    Rank rank;
    std::map<std::string, std::string> machine = {};  // what its trace tells of it
  };
  RankRun(const Setting& setting, Device& device, Communicator& communicator,
          ScheduleRunner::Progress progress);

  RankExecutor& executor() { return executor_; }
  ScheduleRunner& runner() { return runner_; }
  /// Closes the trace: call when the schedule has run.
  void close();

 private:
  const Device& device_;
  EditedProgram edited_;
  TraceWriter writer_;
  Recorder recorder_;
  RankExecutor executor_;
  CheckpointActions checkpoints_;
  ScheduleRunner runner_;
};

}  // namespace shardproof::real
