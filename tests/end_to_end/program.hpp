#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/sweep.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {

/// What `shardproof run` of one scenario did: its exit code, what it printed, and its summary; its
/// page where a test asks for it.
struct ProgramRun {
  int exit_code = -1;
  std::string out, err;
  JsonValue summary;
  std::string page = {};

  const JsonValue& divergence() const { return *summary.find("first_divergence"); }
  std::string outcome(const std::string& check) const {
    for (const JsonValue& entry : summary.find("checks")->elements)
      if (entry.find("name")->text == check) return entry.find("outcome")->text;
    return "absent";
  }
  std::vector<int> ranks() const {
    std::vector<int> ranks;
    for (const JsonValue& rank : divergence().find("ranks")->elements)
      ranks.push_back(static_cast<int>(rank.integer));
    return ranks;
  }
};

/// Without processes of their own for the ranks, where one engine is enough.
inline JsonValue simulated(JsonValue scenario) {
  return scenario.set("executions", parse_json(R"(["reference", "sim"])", "executions"));
}

/// Without traces that outlive the verdict, nor masters to view them by.
inline JsonValue for_its_verdict(JsonValue scenario) {
  return scenario.set("trace", JsonValue::object().set("keep", "never"));
}

inline ProgramRun run_scenario(const JsonValue& scenario, const std::string& folder) {
  const std::string file = folder + "/scenario.json";
  std::ofstream(file) << write_json(scenario, 2);
  const ProgramResult result = run_program({SHARDPROOF, "run", file, "--out", folder + "/out"});
  ProgramRun run{result.exit_code, result.out, result.err, {}};
  const std::string summary = folder + "/out/" + scenario.find("name")->text + "/summary.json";
  if (std::filesystem::exists(summary)) run.summary = read_json(summary);
  return run;
}

}  // namespace shardproof::tests
