#include "scenarios/random/minimize_file.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/driver/supervisor.hpp"
#include "scenarios/driver/tool_progress.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

// Whole at any moment: it may be all that is left of hours.
void write_whole(const std::string& file, const JsonValue& scenario) {
  write_text(file + ".part", write_json(scenario, 2) + "\n");
  fs::rename(file + ".part", file);
}

void expect_file_and_new_place(const MinimizeOptions& options) {
  if (fs::exists(options.out))
    throw ScenarioError(options.out + ": is there already: name another file");
  const fs::path effective = fs::path(options.scenario) / "scenario.json";
  if (fs::is_directory(options.scenario))
    throw ScenarioError(options.scenario + ": is a folder, expected the file of a scenario" +
                        (fs::exists(effective) ? ": " + effective.string() : ""));
}

bool fails(const Outcome& outcome) { return !outcome.is_pass() && outcome.verdict != "refused"; }

void expect_failure(const Outcome& outcome, const Scenario& given, const MinimizeOptions& options) {
  if (outcome.is_pass())
    throw ScenarioError(options.scenario + ": passes, so that there is nothing to look for" +
                        (options.real ? "" : "; --real runs real, too") +
                        (given.shadow.value_or(false) ? "" : "; \"shadow\": true its shadow"));
  if (!fails(outcome)) throw ScenarioError(outcome.sentence);
}

void tell(const Minimized& least, const std::string& out) {
  fmt::print("{}: {}{}: {}\n", out, least.outcome.verdict,
             least.outcome.op.empty() ? "" : " at " + least.outcome.op, least.outcome.sentence);
  if (!least.ended)
    fmt::print("  note       {} runs were not enough: more may be possible (--runs)\n", least.runs);
}

}  // namespace

Minimized minimize_into(const std::string& file, const JsonValue& scenario, const RunScenario& run,
                        int most_runs, const std::function<void()>& still) {
  const auto run_still = [&](const JsonValue& json) {
    still();
    return run(json);
  };
  Minimized least =
      minimize(scenario, run_still, most_runs, [&](const Minimized& so_far, const Effort& effort) {
        fmt::print(stderr, "  after {} runs: {} weights, {} tokens, {} characters\n", so_far.runs,
                   effort.weights, effort.work, effort.text);
        write_whole(file, so_far.scenario);
      });
  if (fails(least.outcome)) write_whole(file, least.scenario);
  return least;
}

void minimize_file(const MinimizeOptions& options, const Runners& runners) {
  expect_file_and_new_place(options);
  const Scenario given = read_scenario(options.scenario);
  runners.check(given);  // what is wrong with it is told by its own lines
  const fs::path beside = fs::path(options.out).parent_path();
  const RunsHere here(beside.empty() ? "." : beside, options.real, runners);
  ToolProgress progress("minimize", options.out + " was not written", {"run", 0});
  int runs = 0;
  try {
    const Minimized least = minimize_into(
        options.out, here.adapted(parse_json(write_scenario(given), "")),
        [&](const JsonValue& json) { return here.run(json); }, options.runs,
        [&] { progress.report(runs++, options.runs); });
    progress.clear();
    expect_failure(least.outcome, given, options);
    tell(least, options.out);
  } catch (const Interrupted& interrupted) {
    progress.clear();
    throw Interrupted(
        interrupted.signal(),
        "minimize: " + options.out +
            (fs::exists(options.out) ? " has the smallest so far" : " was not written"));
  }
}

}  // namespace shardproof
