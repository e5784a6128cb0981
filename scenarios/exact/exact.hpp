#pragma once

#include <cstdint>
#include <string>

#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// Why the numbers of a scenario are not all exact; "" if they are: then every sum of its training
/// steps is representable in every format on its way, in any order of its terms and any division
/// among ranks, micro-steps and buckets, and whoever computes another bit is wrong.
///
/// Proved on the scenario's own numbers, in whole multiples of powers of two in int64, by a forward
/// and a backward pass of its own (docs/exact.md). A sum of products a b, a a multiple of q_a and
/// b of q_b, is exact in an accumulator of p bits, added in any order, fused or not, if the sum of
/// the magnitudes of its terms is at most 2^p q_a q_b: so is each part of it. A stored number is
/// exact if its odd part has at most p bits.
std::string why_not_exact(const Scenario& scenario);

/// Gives the scenario the first seed from its own on whose numbers are exact, and a notice if that
/// is another. Throws ScenarioError, with why and what to change, if none of the first hundred is,
/// or of fewer where a proof takes longer.
void settle_on_exact_seed(Scenario& scenario);

}  // namespace shardproof
