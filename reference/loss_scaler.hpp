#pragma once

#include <vector>

#include "scenarios/config/scenario.hpp"

namespace shardproof::reference {

/// Whether a run multiplies its loss before it differentiates it: where gradients are fp16.
inline bool scales_loss(const TrainingConfig& training) { return training.working == Dtype::fp16; }

/// The scale of each step of a run that scales its loss, given which of them overflowed: one number
/// more than there are steps, for the one to come. Fewer if the run had to end, since an overflow met
/// the smallest scale: then the last is that of the step in which it did (spec-autotp 7.10).
std::vector<double> loss_scales(const LossScaleConfig& config, const std::vector<bool>& overflowed);

}  // namespace shardproof::reference
