#pragma once

#include "scenarios/precision/precision.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::exact {

/// Computes the training steps of a residual MLP in whole numbers, for all replicas and
/// micro-steps. Throws NotExact at the first number that some format on its way cannot hold.
void prove_training(const Scenario& scenario, const PrecisionPolicy& policy);

}  // namespace shardproof::exact
