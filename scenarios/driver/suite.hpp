#pragma once

#include <string>
#include <vector>

#include "scenarios/config/command_line.hpp"

namespace shardproof {

/// The scenarios that paths name, a file itself, of a folder its *.json by name, each changed by
/// the options; without paths, the one that the options stand for. Throws ScenarioError if one
/// cannot be read, if a folder holds none, or if one name is to be that of several.
std::vector<Scenario> read_suite(const std::vector<std::string>& paths,
                                 const ScenarioOptions& given);

/// Throws ScenarioError if two have one name: results are stored by name.
void expect_unlike_names(const std::vector<Scenario>& scenarios);

/// The exit code of several runs: 1 if any has it, else 3, else 2, else 0.
int worst_exit_code(const std::vector<int>& exit_codes);

}  // namespace shardproof
