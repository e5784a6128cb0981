#include "scenarios/driver/kept_results.hpp"

#include <filesystem>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/precision/shadow.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

bool lies_in(const std::string& path, const std::string& replaced) {
  if (!fs::exists(replaced)) return false;
  for (fs::path folder = fs::canonical(path); folder.has_relative_path();
       folder = folder.parent_path())
    if (fs::equivalent(folder, replaced)) return true;
  return false;
}

void remove_all_but_checkpoints(const std::string& path) {
  std::vector<fs::path> traces;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().filename() != "checkpoints") traces.push_back(entry.path());
  for (const fs::path& trace : traces) fs::remove_all(trace);
  if (fs::is_empty(path)) fs::remove(path);
}

}  // namespace

void expect_resume_elsewhere(const Scenario& scenario, const std::string& out) {
  if (scenario.resume.empty()) return;
  const std::string results = out + "/" + scenario.name;
  if (lies_in(scenario.resume, results) || lies_in(scenario.resume, results + ".part"))
    throw ScenarioError(scenario.file + ": resume: " + scenario.resume +
                        " lies in the results that this run would replace; give the scenario "
                        "another name, or another --out");
}

void expect_baseline_elsewhere(const std::string& baseline, const Scenario& scenario,
                               const std::string& out) {
  const std::string results = out + "/" + scenario.name;
  const std::string folder = fs::path(baseline).parent_path().string();
  if (lies_in(folder, results) || lies_in(folder, results + ".part"))
    throw ScenarioError("--baseline: " + baseline +
                        " lies in the results that this run would replace; give another --out");
  const fs::path inside = fs::weakly_canonical(out).lexically_relative(fs::canonical(folder));
  if (!inside.empty() && *inside.begin() != "..")
    throw ScenarioError("--baseline: " + folder +
                        " is the folder of a judged run, and nothing is written into it; give "
                        "another --out");
}

void keep_traces(const Scenario& scenario, const RunFolder& folder, int exit_code) {
  if (scenario.trace_keep == TraceKeep::always ||
      (scenario.trace_keep == TraceKeep::failed && exit_code != 0))
    return;
  for (const Execution execution : scenario.executions)
    remove_all_but_checkpoints(folder.file(name_of(execution)));
  fs::remove_all(folder.file(shadow_name));
}

}  // namespace shardproof
