#pragma once

#include <string>
#include <vector>

#include "scenarios/settings/parallel.hpp"
#include "scenarios/settings/training.hpp"

namespace shardproof {

/// A DeepSpeed config: what is computed, and how it is divided.
struct DeepSpeedConfig : TrainingConfig, ParallelConfig {
  /// Number-changing keys that were absent: "gradient_clipping = 1.0", for `plan` to print.
  std::vector<std::string> defaulted;
  /// Keys that were given and cannot change a number: "zero_optimization.overlap_comm".
  std::vector<std::string> without_effect;
  /// Keys that DeepSpeed does not read: "_comment".
  std::vector<std::string> ignored;
};

}  // namespace shardproof
