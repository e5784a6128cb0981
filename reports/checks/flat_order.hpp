#pragma once

#include <string>

#include "scenarios/plan/program.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// What is wrong with the order of parameters in the vectors that a program cuts among several
/// owners; empty if nothing is. It is the model's order, or with round_robin_gradients, for every
/// parameter the number of its owner first: that of its place among its group's, modulo the owners.
std::string flat_order_problem(const Scenario& scenario, const Program& program);

}  // namespace shardproof::reports
