#pragma once

#include <string>
#include <vector>

#include "reference/units/unit.hpp"
#include "scenarios/settings/mean_over_replicas.hpp"
#include "scenarios/settings/task.hpp"

namespace shardproof::reference {

/// "/step/000003", in which what happens once a step is recorded.
std::string step_folder(int step);

/// Appends the masters, which begin as casts of the initial weights (spec-autotp 7.7.4).
void append_masters(const Task& task, std::vector<Unit>& units);
/// Appends accumulator/P of a micro-step: what each replica has summed up, or where each micro-step
/// is averaged the sum of reduce/P/averaged, the micro-steps' means over the replicas
/// (spec-autotp 7.7).
void append_accumulation(const Task& task, const MeanOverReplicas& mean, int step, int micro,
                         std::vector<Unit>& units);
/// Appends gradient/P: the mean over the replicas of what was accumulated.
void append_reduction(const Task& task, const MeanOverReplicas& mean, int step,
                      std::vector<Unit>& units);
/// Appends the flag that says whether any gradient is not finite (spec-autotp 7.10).
void append_overflow(const Task& task, int step, std::vector<Unit>& units);
/// Appends the norm of all gradients, of which the loss scale is taken out, and the factor that
/// clips by it and takes the loss scale out of the gradients (spec-autotp 7.8).
void append_norm(const Task& task, int step, std::vector<Unit>& units);
/// Whether there is such a factor: where gradients are clipped, or scaled.
bool multiplies_gradients(const TrainingConfig& training);
/// Appends the clipped gradients, the optimizer's states, and the updated weights. What they follow
/// is the update of step `last_update`, -1 if there was none.
void append_update(const Task& task, int step, int last_update, std::vector<Unit>& units);

}  // namespace shardproof::reference
