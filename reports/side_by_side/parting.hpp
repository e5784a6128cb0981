#pragma once

#include <string>

#include "reports/side_by_side/compare_tensors.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// A trace, and the scenario that it is of.
struct TraceOfScenario {
  const TraceReader& trace;
  const Scenario& scenario;
};

/// Why two runs of one task first have other bits though the inputs agree, in words: "another order
/// of a sum over tp: 1 and 2 ranks". "" where that is not known.
std::string why_bits_part(const TensorsSideBySide& sides, const TraceOfScenario& a,
                          const TraceOfScenario& b);

}  // namespace shardproof::reports
