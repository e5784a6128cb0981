#pragma once

#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// The learning rate of the update that follows `updates` applied ones, in fp64. Skipped steps do
/// not count. The forms are DeepSpeed's and transformers', to the last bit of fp64. WarmupLR and
/// WarmupDecayLR count from -1, so that the first two updates have the lowest rate; WarmupCosineLR,
/// too, but its first update has the rate 0 whatever its lowest ratio is.
///
///   WarmupLR from 0 to 0.01 in 4 steps, linear: 0, 0, 0.0025, 0.005, 0.0075, 0.01, 0.01, ...
///   WarmupDecayLR to 8 steps, the same until then: 0.01, 0.0075, 0.005, 0.0025, 0, 0, ...
///   linear to 4 steps, 2 of them warmup, of 0.01: 0, 0.005, 0.01, 0.005, 0, 0, ...
double learning_rate(const TrainingConfig& training, int updates);

}  // namespace shardproof::real
