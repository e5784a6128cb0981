#pragma once

#include <string>
#include <vector>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::tests {

/// A scenario of the catalog on another grid: 2 layers, 2 steps of 2 micro-steps.
inline Scenario plan_scenario(int tp, int dp, int stage = 1,
                              const std::string& file = "tiny-bias-tp2-dp2-zero1-bf16") {
  Scenario scenario = read_scenario("../scenarios/catalog/sweep/" + file + ".json");
  scenario.parallel.tensor_parallel = tp;
  scenario.parallel.zero_stage = stage;
  scenario.replicas = dp;
  return scenario;
}

}  // namespace shardproof::tests
