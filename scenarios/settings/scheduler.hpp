#pragma once

#include <cstdint>

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// What the learning rate of a step is. Of DeepSpeed's schedules, which count from -1:
///
///   WarmupLR        from `lowest` to `highest` in `warmup_steps`, then `highest`
///   WarmupDecayLR   the same, and from there down to 0 at `total_steps`
///   WarmupCosineLR  the optimizer's rate times a ratio: from `lowest_ratio` to 1 in
///                   `warmup_steps`, then half a cosine down to `last_ratio` at `total_steps`
///
/// and of those of transformers, which its Trainer hands to DeepSpeed:
///
///   linear, cosine  the optimizer's rate times a ratio: from 0 to 1 in `warmup_steps`, then along
///                   a line or half a cosine down to 0 at `total_steps`
struct SchedulerConfig {
  enum class Kind { constant, warmup, warmup_decay, warmup_cosine, linear, cosine };
  Kind kind = Kind::constant;
  double lowest = 0;
  double highest = 1e-3;
  double lowest_ratio = 0;
  double last_ratio = 1e-4;
  std::int64_t warmup_steps = 1000;
  std::int64_t total_steps = 0;
  bool logarithmic = true;  // how DeepSpeed's warm up; else linearly

  /// Of transformers: no DeepSpeed config can ask for it.
  bool is_trainers() const { return kind == Kind::linear || kind == Kind::cosine; }
};

/// As configs write them.
template <>
struct Names<SchedulerConfig::Kind> {
  static constexpr std::array all{"constant",       "WarmupLR", "WarmupDecayLR",
                                  "WarmupCosineLR", "linear",   "cosine"};
};

}  // namespace shardproof
