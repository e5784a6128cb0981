#pragma once

#include <string>

#include "tests/support/scenario_runs.hpp"

namespace shardproof::tests {

/// A scenario of the catalog on another grid: 2 layers, 2 steps of 2 micro-steps.
inline Scenario plan_scenario(int tp, int dp, int stage = 1,
                              const std::string& file = "tiny-bias-tp2-dp2-zero1-bf16") {
  return on_grid(sweep(file), {tp, dp, stage});
}

}  // namespace shardproof::tests
