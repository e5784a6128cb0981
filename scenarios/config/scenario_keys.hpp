#pragma once

#include <string_view>

#include "scenarios/json/json_document.hpp"

namespace shardproof {

/// Whether a scenario may have a key of that name at its top level.
bool is_scenario_key(std::string_view key);

/// Throws ScenarioError at the first key that is none, with a suggestion: before anything is read,
/// or a misspelt key that is needed would be told as missing.
void expect_scenario_keys(const JsonValue& root);

}  // namespace shardproof
