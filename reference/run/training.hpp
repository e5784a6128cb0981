#pragma once

#include <string>

#include "reference/run/recorded_run.hpp"

namespace shardproof::reference {

/// Trains the task's model in one process, unsharded, in fp64, and writes the trace in `folder`
/// (rank 0 of a world of one): initial weights; every forward and backward tensor of every
/// micro-step; after each step the accumulated and averaged gradients, the optimizer state and the
/// weights, and the scalars loss (mean over batch groups and micro-steps), grad_norm, clip_factor
/// and learning_rate.
///
/// All in fp64, but for the activations beside a run in fp32 or bf16, which are recorded in fp32.
///
/// Of the grid it knows the batch groups alone: D replicas, each of accumulation
/// micro-steps. Initial weights are those of the run, rounded to its working dtype; from there on
/// nothing is rounded but to fp64, and no step is skipped. A task of inference is not trained, but
/// run forward (run_inference). Throws ScenarioError, EnvironmentError.
void run_reference(const Task& task, const TraceHeader& header, const std::string& folder,
                   const Progress& progress = {});

}  // namespace shardproof::reference
