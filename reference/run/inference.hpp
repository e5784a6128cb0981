#pragma once

#include <string>

#include "reference/run/recorded_run.hpp"

namespace shardproof::reference {

/// Runs the model over the batches of every step, in one process, unsharded, in fp64, and writes
/// the trace in `folder`: the weights, which stay as they are, and every forward tensor of every
/// step; the last is the logits. Dtypes and errors are those of run_reference.
void run_inference(const Task& task, const TraceHeader& header, const std::string& folder,
                   const Progress& progress);

}  // namespace shardproof::reference
