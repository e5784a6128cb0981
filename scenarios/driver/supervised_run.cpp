#include "scenarios/driver/supervised_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "scenarios/driver/kept_results.hpp"
#include "scenarios/driver/progress.hpp"
#include "scenarios/driver/run_record.hpp"
#include "scenarios/driver/shell_command.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/reserved_space.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace {

RunRecord run_executions(const RunJobs& jobs, const SupervisorOptions& supervision) {
  RunRecord record;
  record.launcher = jobs.launcher;
  const auto started = std::chrono::steady_clock::now();
  for (const JobResult& result : run_jobs(jobs.executions, supervision))
    record.executions.push_back(record_of(result));
  record.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return record;
}

// On a terminal the verdict's word has a colour, unless NO_COLOR says otherwise (no-color.org).
std::string coloured(const std::string& text) {
  const char* no_color = std::getenv("NO_COLOR");
  if (::isatty(STDOUT_FILENO) == 0 || (no_color != nullptr && *no_color != '\0')) return text;
  const std::size_t end = text.find(' ');
  const std::string word = text.substr(0, end);
  const char* colour = word == "PASS" ? "32" : word == "FAIL" ? "31" : "33";
  return "\033[1;" + std::string(colour) + "m" + word + "\033[0m" + text.substr(word.size());
}

}  // namespace

RunOutcome run_supervised(const Scenario& scenario, RunFolder& folder, const RunJobs& jobs,
                          const RunDisplay& shown) {
  ProgressDisplay display(std::cerr, stderr_is_terminal());
  SupervisorOptions supervision;
  supervision.time_out_seconds = static_cast<double>(scenario.timeout_s);
  if (!shown.quiet)
    supervision.on_progress = [&](const Progress& progress) { display.show(progress); };
  const std::string left = "; what it left lies in " + folder.path() + " (shardproof judge " +
                           shell_command({{folder.path()}}) + ")";
  JobResult judged;
  try {
    constexpr std::int64_t for_the_verdict = 1 << 20;  // of a disk that an execution may fill
    ReservedSpace reserved(folder.file("reserved"), for_the_verdict);
    const RunRecord record = run_executions(jobs, supervision);
    reserved.release();
    write_run_record(folder.path(), record);
    // The limit is one for executions: of what it stopped there is a verdict all the same.
    constexpr double least = 600;
    supervision.time_out_seconds = std::max(least, *supervision.time_out_seconds);
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
  keep_traces(scenario, folder, judged.exit_status);
  folder.put_in_place(judged.exit_status);
  const std::string text = read_text(folder.file("judge.log"));
  const std::string headline = text.substr(0, text.find('\n'));
  std::cout << coloured(shown.quiet ? headline + "\n" : text) << std::flush;
  return {judged.exit_status, headline, folder.path()};
}

}  // namespace shardproof
