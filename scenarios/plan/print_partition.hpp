#pragma once

#include <string>

#include "scenarios/config/scenario.hpp"

namespace shardproof {

/// What tensor parallelism does with each module that a rule speaks of, layers folded, and the
/// warnings: "" where there is neither.
///
///   model.layers.{0..3}.mlp.down_proj  row  even  preset llama, .*\.mlp\.down_proj\.weight$
std::string print_partition(const Scenario& scenario);

}  // namespace shardproof
