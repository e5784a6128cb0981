#pragma once

#include <vector>

namespace shardproof {

/// What is saved of a run, and when (spec-autotp 8). Counts of steps done: after 1 is after step 0.
struct CheckpointConfig {
  std::vector<int> save_after;  // ascending; empty: nothing is saved
  /// After which of them each rank forgets its state and reads it back from what it has just saved;
  /// 0: never.
  int resume_after = 0;
  bool consolidated = false;  // the weights too, whole, as transformers loads them
};

}  // namespace shardproof
