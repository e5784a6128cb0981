#pragma once

#include <cstdint>

namespace shardproof {

/// The factor by which fp16 training scales its loss (spec-autotp 7.10).
struct LossScaleConfig {
  double fixed = 0;                     // 0: dynamic
  int initial_power = 16;               // it begins as 2^this
  std::int64_t window = 1000;           // steps without overflow after which it doubles
  std::int64_t hysteresis = 2;          // overflows until it halves
  bool consecutive_hysteresis = false;  // every clean step refills the hysteresis
  double lowest = 1;
};

}  // namespace shardproof
