#include "reports/judge_folder.hpp"

#include <chrono>
#include <filesystem>

#include "reports/checks/baseline.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/digest/baseline_file.hpp"
#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/run_jobs.hpp"
#include "scenarios/driver/run_record.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/memory_peak.hpp"
#include "scenarios/precision/shadow.hpp"
#include "scenarios/trace/provenance.hpp"
#include "scenarios/trace/scenario_header.hpp"

namespace shardproof::reports {

namespace {

namespace fs = std::filesystem;
using Lower = std::function<Program(const Scenario&)>;

// A trace must be of the scenario that lies beside it: another would judge other numbers.
void expect_scenario_of_trace(const Scenario& scenario, const std::string& folder) {
  const std::string hash = scenario_hash(scenario);
  const std::string recorded = header_of_trace(folder).scenario_hash;
  if (!recorded.empty() && recorded != hash)
    throw ScenarioError(folder + ": the trace is of another scenario (" + recorded +
                        ") than the scenario.json beside it (" + hash +
                        "), or a program of another version wrote it");
}

// A record that was made of traces alone is told what the shadow is.
ShadowInput shadow_input(const std::string& folder, RunRecord& record, const Scenario& scenario,
                         const Lower& lower) {
  if (const std::string why = why_not_shadowed(folder, record); !why.empty()) return {{}, "", why};
  Shadow shadow = shadow_of(scenario, lower);
  record.shadow.steps = shadow.scenario.steps;
  record.shadow.left_out = std::move(shadow.left_out);
  ShadowInput input{std::move(shadow.scenario), folder + "/" + shadow_name, ""};
  expect_scenario_of_trace(*input.scenario, input.folder);
  return input;
}

// The file of the baseline that hashes are held against.
std::optional<std::string> baseline_for(const Scenario& scenario, const std::string& folder) {
  if (folder.empty()) return std::nullopt;
  if (scenario.trace_tier != TraceTier::digest)
    throw ScenarioError("--baseline: " + scenario.name +
                        " has not recorded hashes alone: what it recorded is judged itself");
  const std::string file = find_baseline(folder, scenario.name);
  expect_usable(BaselineReader(file), scenario, "");
  return file;
}

JudgeInput input_of(const FolderToJudge& asked, const Scenario& scenario, RunRecord& record,
                    const Lower& lower) {
  const std::string& folder = asked.folder;
  JudgeInput input{scenario,
                   finished(folder, record, name_of(Execution::reference)),
                   {},
                   unfinished(folder, record)};
  for (const Execution engine : {Execution::sim, Execution::real})
    if (const auto trace = finished(folder, record, name_of(engine)))
      input.engines.push_back({name_of(engine), *trace});
  for (const JudgedExecution& engine : input.engines)
    expect_scenario_of_trace(scenario, engine.folder);
  input.shadow = shadow_input(folder, record, scenario, lower);
  input.baseline = baseline_for(scenario, asked.baseline);
  input.new_baseline = folder + "/" + baseline_file;
  return input;
}

// What the judge has not seen itself.
void add_what_is_recorded(Verdict& verdict, const RunRecord& record, const ShadowInput& shadow) {
  if (!record.said_of_memory.empty()) verdict.notices.push_back(record.said_of_memory);
  verdict.shadow = record.shadow;
  if (record.shadow.runs && !shadow.not_run.empty())
    verdict.notices.push_back("its fp64 shadow did not end: " + shadow.not_run);
  MemoryPeak& memory = MemoryPeak::of_this_process();
  memory.look();
  verdict.memory_estimate = record.memory_estimate;
  verdict.memory_peak = memory_peak_of(record, memory.bytes());
}

}  // namespace

FolderVerdict judge_folder(const FolderToJudge& asked, const Lower& lower,
                           const std::function<void(int done, int total)>& on_progress) {
  const auto started = std::chrono::steady_clock::now();
  const std::string& folder = asked.folder;
  const Scenario scenario = read_scenario(folder + "/scenario.json");
  RunRecord record = fs::exists(folder + "/run.json") ? read_run_record(folder)
                                                      : record_of_traces(folder, scenario);
  JudgeInput input = input_of(asked, scenario, record, lower);
  input.on_progress = on_progress;
  input.ends_process = true;
  // A judge that is killed must not leave an earlier verdict for its own.
  for (const char* earlier : {"/summary.json", "/report.html", "/baseline.h5"})
    fs::remove(folder + earlier);
  FolderVerdict judged{judge(input), ""};
  Verdict& verdict = judged.verdict;
  judged.place = asked.place.empty() ? folder : place_of_results(asked.place, verdict.exit_code());
  verdict.environment.merge(collect_provenance());
  verdict.reproduce =
      reproducing_command(judged.place, asked.program, record.launcher, asked.baseline);
  verdict.plan_text = read_text(folder + "/plan.txt");
  add_what_is_recorded(verdict, record, input.shadow);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  verdict.timing = timing_of(record, took.count());
  return judged;
}

}  // namespace shardproof::reports
