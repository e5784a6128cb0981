#pragma once

#include "scenarios/settings/training.hpp"
#include "scenarios/types.hpp"

namespace shardproof::reference {

/// The learning rate of update `step`, counted from 0 over the applied ones, in fp64: the
/// optimizer's own, or a schedule's. Of DeepSpeed's the first two updates have the lowest rate, but
/// for WarmupCosineLR, whose first has the rate 0:
///   lowest + (highest - lowest) gamma,  t = step - 1,  w = max(2, warmup_steps),
///   gamma = ln(t + 1) / ln w, or t / w       while t < w
///           1                                then, with WarmupLR
///           max(0, (total - t) / (total - w))  then, with WarmupDecayLR
///   own rate * (c + (1 - c) (1 + cos(pi min(1, (t + 1 - w) / (total - w)))) / 2)  then, with
///           WarmupCosineLR, which warms up from its lowest ratio of the own rate to all of it
/// Of transformers', with t = step and w = warmup_steps, the own rate times
///   t / w                                    while t < w
///   max(0, (total - t) / (total - w))        then, with linear
///   (1 + cos(pi (t - w) / (total - w))) / 2  then, with cosine, which rises again after total
double learning_rate(const TrainingConfig& training, StepIndex step);

}  // namespace shardproof::reference
