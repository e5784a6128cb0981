#pragma once

#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/injection.hpp"

namespace shardproof {

/// How many of each a run has: what an edit may name.
struct RunExtents {
  int world = 1;
  int steps = 1;
  int micro_steps = 1;  // of a step
};

/// The list "inject" of a scenario. Each edit has its own fields:
///   scale: factor    regroup: group    retype: dtype    set: index, value, when
///   read: index, value
/// and all have op, ranks ("all" or a list), steps and micro_steps (likewise). Throws
/// ScenarioError.
std::vector<Injection> injections_from_json(const JsonValue& list, const RunExtents& run);
JsonValue to_json(const std::vector<Injection>& injections);

}  // namespace shardproof
