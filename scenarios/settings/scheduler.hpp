#pragma once

#include <cstdint>

namespace shardproof {

/// What the learning rate of a step is: the optimizer's own, or DeepSpeed's WarmupLR
/// (from `lowest` to `highest` in `warmup_steps`, then `highest`) or WarmupDecayLR
/// (from there down to 0 at `total_steps`).
struct SchedulerConfig {
  enum class Kind { constant, warmup, warmup_decay, linear, cosine };
  Kind kind = Kind::constant;
  double lowest = 0;
  double highest = 1e-3;
  std::int64_t warmup_steps = 1000;
  std::int64_t total_steps = 0;
  bool logarithmic = true;  // how it warms up; else linearly
};

}  // namespace shardproof
