#pragma once

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// Where `path` ("deepspeed.tensor_parallel.autotp_size") is written, or the nearest section around
/// it.
SourcePlace place_in(const JsonValue& root, const std::string& path);

/// The conditions that tie one section to another: the data fit the model. `root` is the scenario
/// that was read, for the places. Throws ScenarioError.
void check_scenario(const Scenario& scenario, const JsonValue& root);

}  // namespace shardproof
