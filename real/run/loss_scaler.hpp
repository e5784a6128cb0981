#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// By how much the loss of a step is multiplied before it is differentiated, so that gradients do
/// not fall below fp16's range: ZeRO's scaler, in all stages (spec-autotp 7.10). All ranks hold
/// one, and since they agree on every overflow the scales stay equal.
///
///   initial 2^4, window 2:  steps          clean clean clean overflow overflow clean
///                           applied        16    16    16    32       32       16
///   A fixed scale, and the 1 of a run that scales nothing, stay as they are.
class LossScaler {
 public:
  explicit LossScaler(const TrainingConfig& training);

  /// Of the step to come. What it was in a step is also what its gradients are divided by.
  double scale() const { return scale_; }
  /// A step has ended, with this agreement on whether its gradients overflowed. Throws
  /// ScenarioError if the scale cannot become smaller: from there on every step would be skipped.
  void update(bool overflow);

  /// All that the next scales depend on, by name, and back.
  std::map<std::string, double> counters() const;
  void restore(const std::map<std::string, double>& counters);

 private:
  void shrink();

  LossScaleConfig config_;
  bool dynamic_;
  double scale_;
  std::int64_t steps_ = 0;
  std::int64_t last_overflow_ = -1;  // the step
  std::int64_t tolerated_;  // overflows left until one that shrinks the scale, and this one
};

}  // namespace shardproof::real
