#pragma once

#include <span>

#include "scenarios/plan/check/type_check.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// Says of a program that does not type-check whose fault that is, and throws ScenarioError.
///
/// Where an op cannot take what a cut module gives it, the config cuts a module that its consumer
/// needs otherwise: the message names both, what decided the cut (a preset, a tp_plan, a pattern),
/// and a way out. Else the lowering is at fault, and nothing that a user could change is named.
[[noreturn]] void refuse_ill_typed(const Scenario& scenario, const Program& program,
                                   std::span<const TypeProblem> problems);

}  // namespace shardproof::real
