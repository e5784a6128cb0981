#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/precision/precision.hpp"

namespace shardproof::reports {

/// How one output of an op is judged: as a function of the oracle, of the op's own inputs on its
/// own rank. A kind of op that is judged otherwise (leaves, movement, collectives) has none.
struct PlanUnit {
  reference::UnitKind kind;
  reference::UnitAttributes attributes;
  reference::UnitPrecision precision;  // from the policy, never from the program
  std::vector<std::size_t> arguments;  // which of the op's inputs
};

/// The unit of output `output` of an op on `rank`, where its extents have `rows`; nullopt if the
/// kind is not judged by the oracle.
std::optional<PlanUnit> plan_unit(const Program& program, const Op& op, std::size_t output,
                                  const PrecisionPolicy& policy, Rank rank,
                                  const RowCounts& rows = {});

}  // namespace shardproof::reports
