#include "scenarios/driver/run_jobs.hpp"

#include <filesystem>

#include "scenarios/driver/shell_command.hpp"
#include "scenarios/precision/shadow.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

// The children tell their pulse in a folder beside the results.
Job job_of(const RunFolder& folder, const std::string& name, std::vector<std::string> command) {
  const std::string pulse = folder.file("pulse/" + name);
  fs::create_directories(pulse);
  command.insert(command.end(), {"--pulse", pulse});
  return {name, std::move(command), {}, folder.file(name + ".log"), pulse};
}

// An execution, or the shadow.
Job execution_in_one_process(const RunFolder& folder, const std::string& execution,
                             const std::string& program) {
  fs::create_directories(folder.file(execution));
  return job_of(
      folder, execution,
      {program, "execute", execution, folder.file("scenario.json"), folder.file(execution)});
}

}  // namespace

RunJobs jobs_of(const Scenario& scenario, const RunFolder& folder, const PreparedRun& prepared,
                const StartedBy& by, const std::string& baseline, int threads) {
  RunJobs jobs;
  for (const Execution execution : scenario.executions) {
    jobs.executions.push_back(execution_in_one_process(folder, name_of(execution), by.program));
    if (execution == Execution::real) by.as_ranks(jobs.executions.back());
  }
  if (prepared.shadow.runs)
    jobs.executions.push_back(execution_in_one_process(folder, shadow_name, by.program));
  jobs.shadow = prepared.shadow;
  jobs.needs = prepared.needs;
  jobs.fit = prepared.fit;
  std::vector<std::string> judge{by.program, "judge", folder.path(), "--place",
                                 folder.final_path()};
  if (!baseline.empty()) judge.insert(judge.end(), {"--baseline", baseline});
  if (threads > 0) judge.insert(judge.end(), {"--threads", std::to_string(threads)});
  jobs.judge = job_of(folder, "judge", std::move(judge));
  jobs.launcher = by.launcher;
  return jobs;
}

std::string reproducing_command(const std::string& folder, const std::string& program,
                                const std::string& launcher, const std::string& baseline) {
  const fs::path results = fs::absolute(folder).lexically_normal();
  std::vector<std::string> words{program, "run", (results / "scenario.json").string(), "--out",
                                 results.parent_path().string()};
  if (!launcher.empty()) words.insert(words.end(), {"--launcher", launcher});
  if (!baseline.empty())
    words.insert(words.end(), {"--baseline", fs::absolute(baseline).string(), "--rejudge"});
  return shell_command(words);
}

}  // namespace shardproof
