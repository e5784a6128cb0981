#pragma once

#include <vector>

#include "reports/element_compare.hpp"
#include "reports/judge_context.hpp"

namespace shardproof::reports {

/// The steps of a trace that some rank recorded as skipped. A flag is a unit of its own, recomputed
/// from the recorded gradients: one that is wrong fails there, whatever follows from it here.
reference::SkippedSteps skipped_steps(const Scenario& scenario, const EngineTrace& trace);

/// What a trace must hold: what follows from the scenario, less what its skipped steps leave out.
class ExpectedOfTrace {
 public:
  ExpectedOfTrace(const JudgeContext& context, const EngineTrace& trace);

  const reference::SkippedSteps& skipped() const { return skipped_; }
  const std::vector<reference::Unit>& units() const { return skipped_.empty() ? all_ : own_; }
  /// In a step that is skipped because numbers left the range, they may have.
  NonFinite non_finite(const Moment& moment) const {
    return moment.stage == Moment::Stage::step && skipped_.contains(moment.step)
               ? NonFinite::accepted
               : NonFinite::refused;
  }

 private:
  reference::SkippedSteps skipped_;
  const std::vector<reference::Unit>& all_;
  std::vector<reference::Unit> own_;
};

}  // namespace shardproof::reports
