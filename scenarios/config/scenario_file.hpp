#pragma once

#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// Reads a scenario file: JSON as `write_scenario` writes it, with paths relative to the file,
/// absent keys filled in, everything checked. An override is "num_hidden_layers=2"
/// (config/overrides.hpp). Throws ScenarioError with file:line:column.
Scenario read_scenario(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same of a scenario that stands inside another file, such as a checkpoint's manifest, or in
/// none (""): then paths are relative to the working directory.
Scenario scenario_inside(JsonValue root, const std::string& file,
                         const std::vector<std::string>& overrides = {});

}  // namespace shardproof
