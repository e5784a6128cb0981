#pragma once

#include <string>
#include <vector>

#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// The scenarios that paths name: a file itself, of a folder its *.json by name. Throws
/// ScenarioError if one cannot be read, or if a folder holds none.
std::vector<Scenario> read_suite(const std::vector<std::string>& paths,
                                 const std::vector<std::string>& overrides);

/// Throws ScenarioError if two have one name: results are stored by name.
void expect_unlike_names(const std::vector<Scenario>& scenarios);

/// The exit code of several runs: 1 if any has it, else 3, else 2, else 0.
int worst_exit_code(const std::vector<int>& exit_codes);

}  // namespace shardproof
