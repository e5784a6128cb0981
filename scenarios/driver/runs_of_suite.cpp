#include "scenarios/driver/runs_of_suite.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/terminal.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace {

void refuse_if_too_much_at_once(const std::vector<SuiteMember>& members, const SuiteRuns& how) {
  const Machine machine = measure_machine(how.out);
  std::vector<Needs> needs;
  for (const SuiteMember& member : members) {
    try {
      needs.push_back(how.needs_alone(member, machine));
    } catch (const std::exception&) {
      // What does not run alone counts for nothing.
    }
  }
  try {
    refuse_if_too_much(needs_at_once(needs, how.at_once), machine);
  } catch (const ScenarioError& error) {
    throw ScenarioError("--jobs " + std::to_string(how.at_once) +
                        ": of what runs at once, taken together: " + error.what() +
                        ", or fewer --jobs");
  }
}

// As a run alone would have printed it, at once.
void tell_of_run(const RunOutcome& outcome, const SuiteRuns& how) {
  if (outcome.folder.empty()) {
    fmt::print(stderr, "shardproof: {}\n", outcome.headline);
    return;
  }
  if (how.plan) std::cout << read_text(outcome.folder + "/plan.txt");
  std::cout << coloured_verdict(how.quiet ? outcome.headline + "\n"
                                          : read_text(outcome.folder + "/judge.log"))
            << std::flush;
  tell_of_undecided(outcome);
  std::fflush(stdout);
}

RunCommand command_of(const SuiteMember& member, const SuiteRuns& how) {
  std::vector<std::string> words{how.program, "run", "--quiet"};
  words.insert(words.end(), how.words.begin(), how.words.end());
  words.insert(words.end(), {"--", member.file});
  const std::string name = member_name(member);
  return {name, std::move(words), how.out + "/" + name};
}

// Shows, where that can be rewritten, how many have ended.
std::vector<TimedOutcome> run_commands(const std::vector<RunCommand>& commands,
                                       const SuiteRuns& how) {
  ProgressDisplay display(std::cerr, stderr_is_terminal());
  const auto show = [&](int ended) {
    if (!how.quiet && stderr_is_terminal())
      display.show({"scenarios", "ended", ended, std::ssize(commands)});
  };
  const auto ended = [&](const RunOutcome& outcome, int count) {
    display.clear();
    tell_of_run(outcome, how);
    show(count);
  };
  try {
    show(0);
    std::vector<TimedOutcome> ran = run_at_once(commands, how.at_once, ended);
    display.clear();
    return ran;
  } catch (const Interrupted&) {
    display.clear();
    throw;
  }
}

}  // namespace

std::string member_name(const SuiteMember& member) {
  return member.scenario ? member.scenario->name : member.file;
}

void tell_of_undecided(const RunOutcome& outcome) {
  if (outcome.folder.empty() || outcome.exit_code > 1) return;
  const std::string beside = undecided_beside(outcome.folder);
  if (!beside.empty())
    fmt::print(
        "  note       {} is of an earlier run without a verdict; remove it when you do not "
        "need it\n",
        beside);
}

std::vector<TimedOutcome> run_side_by_side(const std::vector<SuiteMember>& members,
                                           const SuiteRuns& how) {
  refuse_if_too_much_at_once(members, how);
  std::vector<RunCommand> commands;
  for (const SuiteMember& member : members) {
    if (member.scenario)
      commands.push_back(command_of(member, how));
    else
      tell_of_run({2, member.problem, ""}, how);
  }
  const std::vector<TimedOutcome> ran = run_commands(commands, how);
  std::vector<TimedOutcome> all;
  for (auto next = ran.begin(); const SuiteMember& member : members)
    all.push_back(member.scenario ? *next++ : TimedOutcome{{2, member.problem, ""}, 0});
  return all;
}

}  // namespace shardproof
