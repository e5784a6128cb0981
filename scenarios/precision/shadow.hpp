#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/plan/program.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What its traces, logs, folder and row of the summary are called.
inline constexpr const char* shadow_name = "shadow";

/// A run's fp64 shadow: the same program with every dtype fp64, simulated and judged by itself.
/// Bounds shrink by 2^29 there, so that an error of the plan (a wrong divisor, a wrong group, a
/// factor of 1 + 1e-9) is sharp whatever the run rounds to (docs/decisions/0011).
struct Shadow {
  Scenario scenario;                  // that sim runs, and by which its trace is judged
  std::vector<std::string> left_out;  // what the run has and its shadow has not
};

/// The shadow of a scenario that can have one (Scenario::why_without_shadow): all its steps where
/// the scenario asks for it, else the first alone, since a program is the same for one step as for
/// a thousand. It begins at the beginning and saves nothing, and has those of the planted defects
/// that its own program can have in the steps it runs. `lower` makes a scenario's program.
Shadow shadow_of(const Scenario& scenario, const std::function<Program(const Scenario&)>& lower);

}  // namespace shardproof
