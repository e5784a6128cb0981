#pragma once

#include <string>

#include "real/lowering/lowering.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/random/draw.hpp"

namespace shardproof::tests {

/// Runs nothing: every scenario ends in the same way.
inline Laboratory that_says(const Outcome& outcome, bool has_effect = true) {
  return {[outcome](const JsonValue&) { return outcome; },
          [](JsonValue scenario) { return scenario.set("reduction", "ring"); },
          [](const JsonValue&) { return std::string("/checkpoint"); },
          [](const JsonValue& json) { return real::lower(scenario_inside(json, "")); },
          [has_effect](const JsonValue&) { return has_effect; }};
}
inline const Outcome pass{"pass", {}, "", "", ""};
inline Outcome fail_at(const std::string& op) { return {"fail", {"op_local"}, "sim", op, "why"}; }

}  // namespace shardproof::tests
