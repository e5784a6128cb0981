#pragma once

#include <optional>
#include <string>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// Which rows that are data an op may take and must give: those of its inputs, but for the ops that
/// hand tokens to experts or take them back, and for sums over rows. Returns what is wrong, if
/// anything is.
std::optional<std::string> extent_problem(const Program& program, const Op& op);

}  // namespace shardproof
