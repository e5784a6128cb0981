#include "scenarios/driver/supervised_run.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "scenarios/driver/kept_results.hpp"
#include "scenarios/driver/progress.hpp"
#include "scenarios/driver/run_record.hpp"
#include "scenarios/driver/shell_command.hpp"
#include "scenarios/driver/terminal.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/reserved_space.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace {

RunRecord run_executions(const RunJobs& jobs, SupervisorOptions supervision) {
  RunRecord record;
  record.launcher = jobs.launcher;
  record.limits = jobs.fit.limits;
  record.shadow = jobs.shadow;
  record.said_of_memory = jobs.fit.said;
  for (const ProcessNeeds& kind : jobs.needs.processes)
    record.memory_estimate[kind.key] = static_cast<std::int64_t>(kind.memory_bytes);
  record.memory_estimate["together"] = static_cast<std::int64_t>(jobs.fit.memory_bytes);
  supervision.limits = jobs.fit.limits;
  const auto started = std::chrono::steady_clock::now();
  for (const JobResult& result : run_jobs(jobs.executions, supervision))
    record.executions.push_back(record_of(result));
  record.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return record;
}

}  // namespace

RunOutcome run_supervised(const Scenario& scenario, RunFolder& folder, const RunJobs& jobs,
                          const Supervision& asked) {
  ProgressDisplay display(std::cerr, stderr_is_terminal());
  SupervisorOptions supervision;
  supervision.time_out_seconds = static_cast<double>(scenario.timeout_s);
  supervision.stall.seconds = asked.stall_seconds;
  supervision.stall.start_seconds =
      std::max(supervision.stall.start_seconds, 10 * asked.start_seconds);
  supervision.on_end = [&](const JobResult& result) {
    if (result.ok() || result.name == jobs.judge.name) return;  // a judge's end is the verdict
    display.clear();
    std::cerr << "shardproof: " << scenario.name << ": " << result.sentence << std::endl;
  };
  if (!asked.quiet)
    supervision.on_progress = [&](const Progress& progress) { display.show(progress); };
  const std::string left = "; what it left lies in " + folder.path() + " (shardproof judge " +
                           shell_command({{folder.path()}}) + ")";
  JobResult judged;
  if (!jobs.fit.said.empty())
    std::cerr << "shardproof: " << scenario.name << ": " << jobs.fit.said << std::endl;
  try {
    constexpr std::int64_t for_the_verdict = 1 << 20;  // of a disk that an execution may fill
    ReservedSpace reserved(folder.file("reserved"), for_the_verdict);
    const RunRecord record = run_executions(jobs, supervision);
    reserved.release();
    write_run_record(folder.path(), record);
    // The limit is one for executions: of what it stopped there is a verdict all the same. A judge
    // that hangs is stopped for that.
    supervision.time_out_seconds.reset();
    judged = run_jobs({jobs.judge}, supervision).front();
  } catch (const Interrupted& interrupted) {
    display.clear();
    throw Interrupted(interrupted.signal(), scenario.name + left);
  }
  display.clear();
  if (!std::filesystem::exists(folder.file("summary.json"))) {
    const std::string sentence = scenario.name + ": no verdict: " + judged.sentence + left;
    if (judged.exit_status == 2) throw ScenarioError(sentence);
    throw EnvironmentError(sentence);
  }
  std::error_code left_behind;  // by a rank on another node: no reason to lose a verdict
  std::filesystem::remove_all(folder.file("pulse"), left_behind);
  keep_traces(scenario, folder, judged.exit_status);
  folder.put_in_place(judged.exit_status);
  const std::string text = read_text(folder.file("judge.log"));
  const std::string headline = text.substr(0, text.find('\n'));
  std::cout << coloured_verdict(asked.quiet ? headline + "\n" : text) << std::flush;
  return {judged.exit_status, headline, folder.path()};
}

}  // namespace shardproof
