#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// Options of `run` and `plan`: they say a scenario without a file, or change a file's.
struct ScenarioOptions {
  std::string model;      // a folder with config.json (and weights, if there are any), or the file
  std::string deepspeed;  // a DeepSpeed config
  std::optional<int> world;
  std::string name;  // "": that of the model's folder, or the file's
  std::optional<int> steps;
  std::optional<std::int64_t> seed;
  std::string text;  // a text file for byte tokens; "": generated tokens
  std::optional<std::int64_t> sequence;
  std::string mode, precision, reduction, real, cut;  // "": the default, or the file's
  std::vector<std::string> executions;                // empty: all, or the file's
  bool shadow = false;                                // else what the file says
  std::vector<std::string> inject;                    // edits as JSON objects, beside the file's
  std::vector<std::string> overrides;
};

/// The scenario that --model, --deepspeed and --world stand for, read and checked as a file would
/// be. Throws ScenarioError with the option, or the place in the file that an option names.
Scenario scenario_from_command_line(const ScenarioOptions& given);

/// The scenario of a file, in which an option takes the place of what the file says. Throws
/// ScenarioError with the option or the place in the file.
Scenario scenario_of_file(const std::string& path, const ScenarioOptions& given);

}  // namespace shardproof
