#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "real/run/loss_scaler.hpp"
#include "scenarios/config/scenario.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/data/weights.hpp"
#include "scenarios/types.hpp"

namespace shardproof::real {

/// Everything a program loads: weights, tokens, and the scalars that change from step to step.
/// One object serves all ranks of a simulated cluster.
class Inputs {
 public:
  explicit Inputs(const Scenario& scenario);

  /// The region of a parameter, in fp64, already rounded to the working dtype.
  std::vector<double> parameter(const std::string& name, const Region& region) const;
  /// micro_batch * T token ids of one replica.
  std::vector<std::int64_t> tokens(StepIndex step, MicroStep micro, GroupRank dp) const;
  /// The loss scale of the first step, and how it goes on.
  LossScaler loss_scaler() const { return LossScaler(training_); }
  /// "learning_rate", "bias_correction1" (1 - beta1^k) or "bias_correction2", in fp64, for the
  /// update that follows `updates` applied ones: k = updates + 1. Skipped steps do not count.
  double scalar(const std::string& name, int updates) const;

 private:
  TrainingConfig training_;
  Weights weights_;
  Batches batches_;
};

}  // namespace shardproof::real
