#pragma once

#include <optional>
#include <vector>

#include "reports/traces/recorded_trace.hpp"
#include "reports/verdict/tally.hpp"
#include "reports/verdict/verdict.hpp"
#include "scenarios/digest/baseline_file.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// What holding digests against those of a judged run has shown.
struct BaselineFindings {
  Tally tally;
  BaselineUse use;
  /// The op whose bits are other ones first, if some are. It need not be wrong: the judged run's
  /// rounding is not the only one that is right.
  std::optional<FirstDivergence> first;
};

/// Refuses a baseline that is not one of the scenario's task, grid, cut, policy and program, that
/// lacks one of its executions, that another judge than this one has passed, or that is damaged
/// (ScenarioError). `program_hash`: of the scenario's program without planted defects; "": of any.
void expect_usable(const BaselineReader& baseline, const Scenario& scenario,
                   const std::string& program_hash);

/// All executions must be of the baseline's identity. Other bits are `unknown`, never a failure.
/// Throws ScenarioError if the baseline is damaged.
BaselineFindings compare_with_baseline(const BaselineReader& baseline,
                                       const std::vector<const RecordedTrace*>& traces);

}  // namespace shardproof::reports
