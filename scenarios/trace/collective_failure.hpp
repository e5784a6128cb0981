#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/phase.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

/// A cluster whose ranks could not go on together: members of a group issued different collectives,
/// or waited for each other. Stands in FOLDER/collective_failure.json beside the rank files, which
/// end where each rank stood.
struct CollectiveFailure {
  std::string kind;  // "mismatch" | "deadlock"
  Moment moment;
  std::string op;  // the earliest collective, in program order, that not all members issued
  Phase phase = Phase::data;
  std::vector<int> ranks;  // those that did not issue it
  std::string report;      // who waits where, a line a rank
};

void write_collective_failure(const std::string& folder, const CollectiveFailure& failure);
/// nullopt if the folder holds none.
std::optional<CollectiveFailure> read_collective_failure(const std::string& folder);

}  // namespace shardproof
