#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/config/command_line.hpp"

namespace shardproof {

/// One of several scenarios; one that cannot be read does not keep the others from running.
struct SuiteMember {
  std::string file;  // "" of one that the options stand for
  std::optional<Scenario> scenario;
  std::string problem;  // why there is no scenario
};

/// The scenarios that paths name, a file itself, of a folder its *.json by name, each changed by
/// the options; without paths, the one that the options stand for. Throws ScenarioError if a folder
/// holds none, if one name is that of several (results are stored by name), or if there is but one
/// and it cannot be read.
std::vector<SuiteMember> read_suite(const std::vector<std::string>& paths,
                                    const ScenarioOptions& given);

/// The exit code of several runs: 1 if any has it, else 3, else 2, else 0.
int worst_exit_code(const std::vector<int>& exit_codes);

}  // namespace shardproof
