#pragma once

#include "real/models/families.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// The whole run of a scenario as a program: every rank lowers it for itself and gets the
/// same one. Planted defects are not in it (scenarios/plan/edits).
///
///   initialize            leaves, masters
///   gather:L, agree:L, repartition:L     for each sharded layer: before the first and after the
///                                        last step
///   begin_step            zeroed accumulators
///   micro_step            tokens, forward, backward, accumulation; with ZeRO 2 the reduction
///   reduce                data-parallel reduction (stages 0 and 1), the flag that decides whether
///                         the step is skipped
///   update                norm, clipping, AdamW, gathered parameters
///
/// In inference a micro-step ends with the logits, and there is nothing else in a step: no
/// accumulators, no optimizer state, no decision.
Program lower(const Scenario& scenario);
/// With another forward pass than that of the scenario's family, over its parameters.
Program lower(const Scenario& scenario, FamilyLowering model);

}  // namespace shardproof::real
