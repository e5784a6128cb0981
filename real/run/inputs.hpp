#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "real/run/loss_scaler.hpp"
#include "scenarios/checkpoint/initial_state.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/types.hpp"

namespace shardproof::real {

/// Everything a program loads: weights, tokens, and the scalars that change from step to step.
/// One object serves all ranks of a simulated cluster. A run that goes on from a checkpoint loads
/// its weights and its other state from there, and begins with what that run had counted.
class Inputs {
 public:
  explicit Inputs(const Scenario& scenario);

  /// The region of a parameter, in fp64, already rounded to the working dtype.
  std::vector<double> parameter(const std::string& name, const Region& region) const;
  /// The stored bytes of regions of a tensor that the checkpoint holds.
  std::vector<std::byte> state(const std::string& name, std::span<const Region> regions) const;
  /// Empty if the run begins by itself.
  const std::map<std::string, double>& resumed_counters() const { return initial_.counters(); }
  /// micro_batch * T token ids of one replica.
  std::vector<std::int64_t> tokens(StepIndex step, MicroStep micro, GroupRank dp) const;
  /// The loss scale of the first step, and how it goes on.
  LossScaler loss_scaler() const { return LossScaler(training_); }
  /// "learning_rate", "bias_correction1" (1 - beta1^k), "bias_correction2" or its square root,
  /// "bias_correction2_root", in fp64, for the update that follows `updates` applied ones:
  /// k = updates + 1. Skipped steps do not count.
  double scalar(const std::string& name, int updates) const;

 private:
  TrainingConfig training_;
  InitialState initial_;
  Batches batches_;
};

}  // namespace shardproof::real
