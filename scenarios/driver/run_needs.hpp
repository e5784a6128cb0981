#pragma once

#include <cstdint>
#include <string>

#include "scenarios/driver/estimate.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What a run takes at most: all executions at once, or the judge after them.
///
/// The factors are measured on the quickstart: an engine holds its arena, the weights as they are
/// read, and the trace on its way to the file; the oracle fp64 weights, moments, gradients and a
/// tape; the judge two units' tensors in fp64 and every rank's state. HDF5's and Open MPI's
/// share is measured with worlds of 1 to 8 and up to 480 steps.
///
/// `reference_trace_bytes` is what the oracle records, `out` the folder of the results.
Needs run_needs(const Scenario& scenario, const Accounts& accounts,
                std::int64_t reference_trace_bytes, const std::string& out);

}  // namespace shardproof
