#include "scenarios/checkpoint/other_grid.hpp"

#include "scenarios/config/scenario_file.hpp"

namespace shardproof {

Scenario scenario_on(const Checkpoint& checkpoint, const OtherGrid& grid) {
  const CheckpointOrigin& origin = checkpoint.origin();
  const int tp = grid.tp.value_or(origin.tp);
  std::vector<std::string> overrides = grid.overrides;
  const auto set = [&](const std::string& key, int value) {
    overrides.push_back(key + "=" + std::to_string(value));
  };
  set("world", tp * grid.dp.value_or(origin.dp));
  set("tensor_parallel.autotp_size", tp);
  set("zero_optimization.stage", grid.zero.value_or(origin.zero_stage));
  return scenario_inside(origin.scenario, checkpoint.path() + "/manifest.json", overrides);
}

}  // namespace shardproof
