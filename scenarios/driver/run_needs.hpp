#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "scenarios/driver/estimate.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What the reference takes, which it alone can say: of its trace, and of memory for its numbers.
struct ReferenceNeeds {
  std::int64_t trace_bytes = 0;
  std::int64_t tensors = 0;  // in the trace
  std::int64_t memory_bytes = 0;
};

/// A run's fp64 shadow, which is one more execution.
struct ShadowNeeds {
  const Scenario& scenario;
  const Accounts& accounts;
};

/// What a run takes at most, by process, and together.
///
/// An engine holds its arena, the bytes on their way to the trace, and what its kernels widen; the
/// oracle its numbers; each what HDF5 keeps of its file. The factors are measured: on the
/// quickstart, on the tiny models of the sweep, and on models of 15 to 135 million parameters.
///
/// `out`: the folder of the results. `shadow`: nothing if the run has none.
Needs run_needs(const Scenario& scenario, const Accounts& accounts, const ReferenceNeeds& reference,
                const std::string& out, const std::optional<ShadowNeeds>& shadow = {});

}  // namespace shardproof
