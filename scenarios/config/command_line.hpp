#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What `shardproof run --model DIR --deepspeed FILE --world 8` gives instead of a scenario file.
struct CommandLineScenario {
  std::string model;      // a folder with config.json (and weights, if there are any), or the file
  std::string deepspeed;  // a DeepSpeed config
  int world = 1;
  std::string name;  // "": that of the model's folder
  std::optional<int> steps;
  std::optional<std::int64_t> seed;
  std::string text;  // a text file for byte tokens; "": generated tokens
  std::optional<std::int64_t> sequence;
  std::string mode, precision, reduction, real;  // "": the default
  std::vector<std::string> executions;           // empty: all
  std::vector<std::string> overrides;
};

/// The scenario that it stands for, read and checked as a file would be. Throws ScenarioError with
/// the option, or the place in the file that an option names.
Scenario scenario_from_command_line(const CommandLineScenario& given);

}  // namespace shardproof
