#pragma once

#include "scenarios/settings/mean_over_replicas.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What the oracle is told of the way in which a scenario's gradients are averaged
/// (spec-autotp 7.7). It is read from the settings here, apart from PrecisionPolicy, by which the
/// engine lowers: an error in either of the two is told by the other.
MeanOverReplicas mean_over_replicas(const Scenario& scenario);

}  // namespace shardproof
