#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reference/units/unit.hpp"
#include "scenarios/settings/mean_over_replicas.hpp"
#include "scenarios/settings/task.hpp"

namespace shardproof::reference {

/// The steps whose gradients were not finite, and that were therefore skipped: no norm, no update,
/// and what follows starts from what the last update left. Which they are is not the task's to say:
/// a judge knows it from the recorded flags, which are units themselves.
using SkippedSteps = std::set<int>;

/// Every unit of the run in order of computation, from the task alone, and from how its gradients
/// are averaged: tables, and for each step forward, backward, accumulation, reduction, norm,
/// clipping and update; in inference forward alone. Every input is a leaf, an earlier output or
/// `zero_input`; no output occurs twice. Throws ScenarioError for a family that the reference does
/// not know.
std::vector<Unit> expected_units(const Task& task, const MeanOverReplicas& mean,
                                 const SkippedSteps& skipped = {});

/// What a run is given and computes from nothing, with full shapes: initial weights, token ids, and
/// in training the loss scale, where there is one, and of each update the optimizer's scalars
/// (learning rate, and Adam's bias corrections), of shape (1).
std::vector<std::pair<std::string, Shape>> expected_leaves(const Task& task,
                                                           const SkippedSteps& skipped = {});

/// Elements of all units' outputs together: how many comparisons a complete verdict makes.
std::int64_t output_elements(const std::vector<Unit>& units);

}  // namespace shardproof::reference
