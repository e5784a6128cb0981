#pragma once

#include <string>

#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof {

/// The program as JSON text, whole: this is what a trace stores in /program and what the judge
/// reads back. It is written value by value and op by op: a tree of it would take ten times the
/// memory of the program.
std::string program_text(const Program& program);
/// The inverse. Throws ScenarioError with a place on anything that is no such program.
Program program_from_json(const JsonValue& json);

/// Hex digest (XXH3-64) of the JSON text. Ranks compare it before the first step.
std::string hash_of(const Program& program);

}  // namespace shardproof
