#pragma once

#include <optional>
#include <string>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// Why the placements of an op's operands on one axis (of more than one rank) do not fit its kind;
/// nullopt if they do. These are the placement rules of the op table.
std::optional<std::string> placement_problem(const Program& program, const Op& op, Axis axis);

}  // namespace shardproof
