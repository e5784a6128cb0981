#pragma once

#include <string>

#include "scenarios/config/json_document.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof {

/// The program as JSON, whole: this is what a trace stores in /program and what the judge reads
/// back.
JsonValue program_to_json(const Program& program);
/// The inverse. Throws ScenarioError with a place on anything that is no such program.
Program program_from_json(const JsonValue& json);

/// Hex digest (XXH3-64) of the JSON text. Ranks compare it before the first step.
std::string hash_of(const Program& program);

}  // namespace shardproof
