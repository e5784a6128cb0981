#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/settings/task.hpp"
#include "scenarios/types.hpp"

namespace shardproof {

/// The token ids of a task. Tokens only: each side shifts labels and masks by itself.
///
/// Samples are numbered over the run, ((step * GAS + micro) * D + dp) * B + b, so the samples of a
/// step are the same however they are divided among replicas and micro-steps. Sample n is the
/// window of T tokens that starts at (n * stride) mod (N - T + 1) in a source of N tokens, with
/// stride the smallest number >= T that has no factor in common with N - T + 1: windows follow one
/// another without overlap until the source is used up, and no two of the first N - T + 1 samples
/// are alike in place. Sources: bytes of a text; a JSON list of token ids, [5, 17, ...]; or
/// generated, sample n of its own.
class Batches {
 public:
  /// Throws ScenarioError if the data cannot be read, are too short, or hold an id outside [0, V),
  /// or if in training a micro-batch of a replica has no label but padding.
  explicit Batches(const Task& task);

  /// The micro-batch of one replica: (B, T) row-major, B = micro_batch.
  std::vector<std::int64_t> tokens(StepIndex step, MicroStep micro, int dp_index) const;

 private:
  void read_source(const Task& task);
  void expect_labels(const Task& task) const;
  std::int64_t first_sample(StepIndex step, MicroStep micro, int dp_index) const;
  std::int64_t token(std::int64_t sample, std::int64_t position) const;

  TrainingConfig training_;
  std::int64_t sequence_;
  std::int64_t vocabulary_;
  int replicas_;
  std::uint64_t seed_;
  bool generated_;
  std::vector<std::int64_t> source_;
  std::int64_t stride_ = 0;
};

}  // namespace shardproof
