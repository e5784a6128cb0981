#include "reports/score/fault_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>

#include "reports/score/fault_file.hpp"
#include "reports/score/magnitude_search.hpp"
#include "reports/score/score_report.hpp"
#include "reports/verdict/time_now.hpp"
#include "scenarios/driver/progress.hpp"
#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/runs_at_once.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/json/nearest_name.hpp"
#include "scenarios/plan/edits.hpp"
#include "scenarios/plan/op_neighbours.hpp"
#include "scenarios/trace/provenance.hpp"

namespace shardproof::reports {

namespace {

// What a run has in common with those that differ in what is planted alone.
std::string clean_key(const Fault& fault) {
  std::string key = fault.scenario_file;
  for (const std::string& change : fault.overrides) key += "\n" + change;
  return key + (fault.only_in_real ? "\nreal" : "");
}

class FaultRuns {
 public:
  FaultRuns(const FaultOptions& options, const FaultRunner& runner)
      : options_(options), runner_(runner) {}

  std::vector<FaultScore> score(const std::vector<Fault>& faults) const;
  /// The next run of all searches that go on, at once, until none does.
  void search_magnitudes(std::vector<FaultScore>& scores) const;

 private:
  OpNeighbours neighbours_in(const Fault& fault) const;
  Finding refusal_of(const Fault& fault) const;
  RunCommand command(const Fault& fault, const JsonValue& edits, const std::string& folder) const;
  std::vector<Finding> findings_of(const std::vector<RunCommand>& commands) const;

  const FaultOptions& options_;
  const FaultRunner& runner_;
};

std::vector<FaultScore> FaultRuns::score(const std::vector<Fault>& faults) const {
  std::vector<OpNeighbours> neighbours;
  for (const Fault& fault : faults) neighbours.push_back(neighbours_in(fault));
  std::vector<RunCommand> commands;
  std::map<std::string, std::size_t> clean, planted;
  for (const Fault& fault : faults) {
    if (fault.kind == FaultClass::refusal) continue;
    planted[fault.id] = commands.size();
    commands.push_back(command(fault, fault.inject, "runs"));
    if (is_named(fault.kind) && clean.emplace(clean_key(fault), commands.size()).second)
      commands.push_back(command(fault, JsonValue::array(), "clean"));
  }
  const std::vector<Finding> found = findings_of(commands);
  std::vector<FaultScore> scores;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const Fault& fault = faults[i];
    const bool is_refusal = fault.kind == FaultClass::refusal;
    scores.push_back(score_of(
        fault, is_refusal ? refusal_of(fault) : found[planted.at(fault.id)],
        is_named(fault.kind) ? found[clean.at(clean_key(fault))] : Finding{},
        [&](const std::string& a, const std::string& b) { return neighbours[i].are_next(a, b); }));
  }
  return scores;
}

void FaultRuns::search_magnitudes(std::vector<FaultScore>& scores) const {
  std::vector<MagnitudeSearch> searches;
  for (FaultScore& score : scores)
    if (MagnitudeSearch::is_for(score)) searches.emplace_back(score);
  while (std::erase_if(searches, [](const auto& search) { return search.done(); }),
         !searches.empty()) {
    std::vector<RunCommand> commands;
    for (const MagnitudeSearch& search : searches)
      commands.push_back(command(search.fault(), search.edits(), "magnitudes"));
    const std::vector<Finding> found = findings_of(commands);
    for (std::size_t i = 0; i < searches.size(); ++i) searches[i].tell(found[i]);
  }
}

// What a fault's ops are next to, in the program of any rank.
OpNeighbours FaultRuns::neighbours_in(const Fault& fault) const {
  OpNeighbours neighbours;
  if (!is_named(fault.kind)) return neighbours;
  const Program program = runner_.check(*fault.scenario);
  neighbours.add(program);
  for (int rank = 0; rank < fault.scenario->world(); ++rank)
    neighbours.add(apply_injections(program, fault.scenario->inject, Rank{rank}).program);
  const std::vector<std::string> names = neighbours.names();
  const std::string& op = fault.expected.op;
  if (op != load_of_checkpoint && !std::ranges::binary_search(names, op))
    throw ScenarioError(fault.expected.op_place,
                        "expect.op: no rank's program has \"" + op + "\"" + suggestion(op, names));
  return neighbours;
}

// What `run` refuses it refuses before it starts a child.
Finding FaultRuns::refusal_of(const Fault& fault) const {
  Finding finding;
  try {
    runner_.check(scenario_of(fault));
    finding.message = "it can be run";
  } catch (const ScenarioError& error) {
    finding.exit_code = 2;
    finding.message = error.what();
  }
  return finding;
}

// A run of the fault's scenario with these edits, as a user would start it.
RunCommand FaultRuns::command(const Fault& fault, const JsonValue& edits,
                              const std::string& folder) const {
  const std::string executions = fault.only_in_real ? "reference,real"
                                 : options_.real    ? "reference,sim,real"
                                                    : "reference,sim";
  const std::string out = options_.out + "/" + folder;
  std::vector<std::string> words{runner_.program,
                                 "run",
                                 "--quiet",
                                 "--keep=never",
                                 "--out=" + out,
                                 "--name=" + fault.id,
                                 "--executions=" + executions};
  for (const std::string& change : fault.overrides) words.push_back("--override=" + change);
  for (const JsonValue& edit : edits.elements) words.push_back("--inject=" + write_json(edit));
  words.insert(words.end(), {"--", fault.scenario_file});
  return {fault.id, std::move(words), out + "/" + fault.id};
}

std::vector<Finding> FaultRuns::findings_of(const std::vector<RunCommand>& commands) const {
  ProgressDisplay display(std::cerr, stderr_is_terminal());
  const auto show = [&](const RunOutcome&, int ended) {
    if (stderr_is_terminal()) display.show({"faults", "run", ended, std::ssize(commands)});
  };
  const std::vector<TimedOutcome> all = run_at_once(commands, options_.jobs, show);
  display.clear();
  std::vector<Finding> findings;
  for (const auto& [outcome, seconds] : all) {
    // Where the machine has failed, nothing was found, and nothing missed.
    if (outcome.exit_code == 3 && outcome.folder.empty()) throw EnvironmentError(outcome.headline);
    findings.push_back(read_finding(outcome.exit_code, outcome.headline, outcome.folder));
  }
  return findings;
}

// `run` says it beside the verdict, which nobody is shown here.
void tell_of_overrides(const std::vector<Fault>& faults) {
  for (const Fault& fault : faults)
    for (const std::string& notice : notices_of_overrides(fault))
      fmt::print(stderr, "shardproof: note: {}: {}\n", fault.id, notice);
}

}  // namespace

std::vector<FaultScore> run_faults(const FaultOptions& options, const FaultRunner& runner) {
  const auto started = std::chrono::steady_clock::now();
  const std::vector<Fault> all = read_faults(options.catalog, options.ids);
  make_output_folder(options.out);
  tell_of_overrides(all);
  const FaultRuns runs(options, runner);
  std::vector<FaultScore> scores = runs.score(all);
  if (options.magnitudes) runs.search_magnitudes(scores);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::map<std::string, std::string> made_of = collect_provenance();
  const ScoreOrigin origin{time_now(),      made_of["version"], made_of["commit"],
                           options.command, took.count(),       "runs"};
  write_text(options.out + "/faults.json", score_json(scores, origin));
  write_text(options.out + "/faults.html", score_html(scores, origin));
  for (const FaultScore& score : scores) std::cout << score_line(score);
  fmt::print("\n{}  {}/faults.html\n", score_text(scores), options.out);
  return scores;
}

}  // namespace shardproof::reports
