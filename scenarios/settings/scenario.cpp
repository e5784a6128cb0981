#include "scenarios/settings/scenario.hpp"

#include <algorithm>

namespace shardproof {

bool Scenario::runs(Execution execution) const {
  return std::ranges::find(executions, execution) != executions.end();
}

}  // namespace shardproof
