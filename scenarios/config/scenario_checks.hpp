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

/// When it is known how the layers are cut: refuses uneven cuts of three or more replicas where
/// nobody can pin the order in which they are added (docs/decisions/0009). Throws ScenarioError.
void check_uneven_replicas(const Scenario& scenario, const JsonValue& root);

}  // namespace shardproof
