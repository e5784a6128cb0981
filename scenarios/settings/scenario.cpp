#include "scenarios/settings/scenario.hpp"

#include <algorithm>

namespace shardproof {

bool Scenario::runs(Execution execution) const {
  return std::ranges::find(executions, execution) != executions.end();
}

int Scenario::engines() const {
  return (runs(Execution::sim) ? 1 : 0) + (runs(Execution::real) ? 1 : 0);
}

std::string Scenario::why_without_shadow() const {
  if (training.working == Dtype::fp64) return "everything is fp64 already";
  if (trace_tier != TraceTier::full) return "its tensors are not recorded";
  if (engines() == 0) return "no engine runs";
  return "";
}

void Scenario::compute_in_fp64() {
  training.working = Dtype::fp64;
  training.accumulate = parallel.dp_wire = std::nullopt;
}

}  // namespace shardproof
