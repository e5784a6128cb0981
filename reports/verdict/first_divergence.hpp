#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "reports/traces/engine_trace.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

struct Divergence {
  std::optional<FirstDivergence> first;
  std::int64_t others = 0;  // failing units beside it
};

/// The failing unit that the program runs first; among those of one place, the one found by an op's
/// own inputs (it names the rank by itself). Failures of the same op at the same moment are one
/// unit: their ranks are joined. `checks` in the order of the summary; `traces` to look for a
/// certain cause in.
Divergence first_divergence(const std::vector<Tally>& checks,
                            const std::vector<const EngineTrace*>& traces);

}  // namespace shardproof::reports
