#pragma once

#include "scenarios/settings/training.hpp"
#include "scenarios/types.hpp"

namespace shardproof::reference {

/// The learning rate of update `step`, counted from 0 over the applied ones, in fp64: the
/// optimizer's own, or DeepSpeed's schedule, whose first two updates have the lowest rate.
///   lowest + (highest - lowest) gamma,  t = step - 1,  w = max(2, warmup_steps),
///   gamma = ln(t + 1) / ln w, or t / w       while t < w
///           1                                then, with WarmupLR
///           max(0, (total - t) / (total - w))  then, with WarmupDecayLR
double learning_rate(const TrainingConfig& training, StepIndex step);

}  // namespace shardproof::reference
