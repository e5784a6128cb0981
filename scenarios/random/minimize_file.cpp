#include "scenarios/random/minimize_file.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/driver/tool_progress.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace {

void expect_failure(const Minimized& least, const Scenario& given, const MinimizeOptions& options) {
  if (least.outcome.is_pass())
    throw ScenarioError(options.scenario + ": passes, so that there is nothing to look for" +
                        (options.real ? "" : "; --real runs real, too") +
                        (given.shadow.value_or(false) ? "" : "; \"shadow\": true its shadow"));
  if (least.outcome.verdict == "refused") throw ScenarioError(least.outcome.sentence);
}

void tell(const Minimized& least, const std::string& out) {
  fmt::print("{}: {}{}: {}\n", out, least.outcome.verdict,
             least.outcome.op.empty() ? "" : " at " + least.outcome.op, least.outcome.sentence);
  if (!least.ended)
    fmt::print("  note       {} runs were not enough: more may be possible (--runs)\n", least.runs);
}

}  // namespace

Minimized minimize_aloud(const JsonValue& scenario, const RunScenario& run, int most_runs,
                         const std::function<void()>& still) {
  const auto run_still = [&](const JsonValue& json) {
    still();
    return run(json);
  };
  return minimize(scenario, run_still, most_runs, [](const Effort& effort, int runs) {
    fmt::print(stderr, "  after {} runs: {} weights, {} tokens, {} characters\n", runs,
               effort.weights, effort.work, effort.text);
  });
}

void minimize_file(const MinimizeOptions& options, const Runners& runners) {
  namespace fs = std::filesystem;
  if (fs::exists(options.out))
    throw ScenarioError(options.out + ": is there already: name another file");
  const Scenario given = read_scenario(options.scenario);
  runners.check(given);  // what is wrong with it is told by its own lines
  const RunsHere here(fs::path(options.out).parent_path(), options.real, runners);
  ToolProgress progress("minimize", options.out + " was not written", {"run", 0});
  int runs = 0;
  const Minimized least = minimize_aloud(
      here.adapted(parse_json(write_scenario(given), "")),
      [&](const JsonValue& json) { return here.run(json); }, options.runs,
      [&] { progress.report(runs++, options.runs); });
  progress.clear();
  expect_failure(least, given, options);
  write_text(options.out, write_json(least.scenario, 2) + "\n");
  tell(least, options.out);
}

}  // namespace shardproof
