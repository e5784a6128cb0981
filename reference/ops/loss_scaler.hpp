#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/settings/training.hpp"

namespace shardproof::reference {

/// Whether a run multiplies its loss before it differentiates it: where gradients are fp16.
inline bool scales_loss(const TrainingConfig& training) { return training.working == Dtype::fp16; }

/// The scale of each step of a run that scales its loss, given which of them overflowed: one number
/// more than there are steps, for the one to come. Fewer if the run had to end, since an overflow
/// met the smallest scale: then the last is that of the step in which it did (spec-autotp 7.10).
///
/// `counted` is what a checkpoint tells of the run that it is of, where the run goes on from one:
/// loss_scale, the one to come; loss_scale_steps, which it has done; loss_scale_last_overflow, the
/// step (-1: none); loss_scale_tolerated, overflows until one that shrinks the scale, and that one.
std::vector<double> loss_scales(const LossScaleConfig& config, const std::vector<bool>& overflowed,
                                const std::map<std::string, double>& counted = {});

}  // namespace shardproof::reference
