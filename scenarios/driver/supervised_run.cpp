#include "scenarios/driver/supervised_run.hpp"

#include <chrono>
#include <filesystem>
#include <iostream>

#include "scenarios/driver/kept_results.hpp"
#include "scenarios/driver/progress.hpp"
#include "scenarios/driver/run_record.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace {

RunRecord run_executions(const RunJobs& jobs, const SupervisorOptions& supervision) {
  RunRecord record;
  record.command = jobs.reproduce;
  const auto started = std::chrono::steady_clock::now();
  for (const JobResult& result : run_jobs(jobs.executions, supervision))
    record.executions.push_back(record_of(result));
  record.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return record;
}

}  // namespace

int run_supervised(const Scenario& scenario, RunFolder& folder, const RunJobs& jobs) {
  ProgressDisplay display(std::cerr, stderr_is_terminal());
  SupervisorOptions supervision;
  supervision.time_out_seconds = static_cast<double>(scenario.timeout_s);
  supervision.on_progress = [&](const Progress& progress) { display.show(progress); };
  write_run_record(folder.path(), run_executions(jobs, supervision));
  const JobResult judged = run_jobs({jobs.judge}, supervision).front();
  display.clear();
  if (!std::filesystem::exists(folder.file("summary.json"))) {
    const std::string sentence = scenario.name + ": no verdict: " + judged.sentence;
    if (judged.exit_status == 2) throw ScenarioError(sentence);
    throw EnvironmentError(sentence);
  }
  keep_traces(scenario, folder, judged.exit_status);
  folder.put_in_place();
  std::cout << read_text(folder.file("judge.log")) << std::flush;
  return judged.exit_status;
}

}  // namespace shardproof
