#include "real/run/rank_run.hpp"

#include "real/lowering/ill_typed.hpp"
#include "real/lowering/lowering.hpp"
#include "real/machine/fingerprint.hpp"
#include "real/machine/versions.hpp"
#include "real/run/run_op.hpp"
#include "scenarios/checkpoint/rank_state.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/check/type_check.hpp"
#include "scenarios/plan/program_json.hpp"
#include "scenarios/trace/provenance.hpp"
#include "scenarios/trace/scenario_header.hpp"

namespace shardproof::real {

Program checked_program(const Scenario& scenario) {
  Program program = lower(scenario);
  const std::vector<TypeProblem> problems = type_check(program);
  if (!problems.empty()) refuse_ill_typed(scenario, program, problems);
  if (!scenario.resume.empty())
    expect_state_of(Checkpoint(scenario.resume), scenario.model, program);
  return program;
}

namespace {

// Before anything is written.
EditedProgram edited(const RankRun::Setting& setting, const Device& device) {
  EditedProgram edited = apply_injections(setting.program, setting.scenario.inject, setting.rank);
  expect_kernels(device, edited.program);
  return edited;
}

TraceHeader header_of(const RankRun::Setting& setting, const Program& program, Device& device) {
  TraceHeader header = shardproof::header_of(setting.scenario, setting.execution);
  header.rank = setting.rank.value;
  header.world = program.grid().world();
  header.tp = program.tp;
  header.dp = program.dp;
  header.program_hash = hash_of(program);
  header.program_json = program_text(program);
  header.settings.insert(setting.machine.begin(), setting.machine.end());
  header.settings.merge(collect_provenance());
  header.settings.merge(engine_versions());
  header.settings["fingerprint"] = fingerprint_of(device);
  header.settings["reduction"] = name_of(setting.scenario.reduction);
  if (setting.execution == Execution::real && !setting.scenario.gpu_schedule.empty())
    header.settings["gpu_schedule"] = setting.scenario.gpu_schedule;
  return header;
}

}  // namespace

RankRun::RankRun(const Setting& setting, Device& device, Communicator& communicator,
                 ScheduleRunner::Progress progress)
    : device_(device),
      edited_(edited(setting, device)),
      writer_(setting.folder, header_of(setting, edited_.program, device)),
      recorder_(edited_.program, setting.rank, writer_, setting.scenario.trace_tier),
      executor_({edited_.program, setting.rank, device, communicator, setting.inputs, recorder_,
                 edited_.faults}),
      checkpoints_(setting.scenario, setting.program, setting.folder, executor_, edited_.faults),
      runner_(executor_, std::move(progress), &checkpoints_) {}

void RankRun::close() {
  writer_.add_settings(device_.choices());
  writer_.close();
}

}  // namespace shardproof::real
