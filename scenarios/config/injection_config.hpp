#pragma once

#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/injection.hpp"

namespace shardproof {

/// The list "inject" of a scenario of `world` ranks and `steps` steps. Each edit has its own
/// fields:
///   scale: factor    regroup: group    retype: dtype    set: index, value, when
///   read: index, value
/// and all have op, ranks ("all" or a list) and steps (likewise). Throws ScenarioError.
std::vector<Injection> injections_from_json(const JsonValue& list, int world, int steps);
JsonValue to_json(const std::vector<Injection>& injections);

}  // namespace shardproof
