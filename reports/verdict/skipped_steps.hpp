#pragma once

#include <optional>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/run_end.hpp"

namespace shardproof::reports {

/// A number that a rank recorded at a path; nothing if there is none.
std::optional<double> recorded_scalar(const RecordedTrace& trace, const std::string& path,
                                      int rank);
/// Where a number of a whole step is recorded: "/step/000001/scalar/loss_scale".
std::string scalar_path(int step, const std::string& name);

/// Whether a rank recorded a flag (a path) that is not zero.
bool is_set(const RecordedTrace& trace, const std::string& path, int rank);

/// The steps of a trace that some rank recorded as skipped. A flag is a unit of its own, recomputed
/// from the recorded gradients: one that is wrong fails there, whatever follows from it here.
reference::SkippedSteps skipped_steps(const Scenario& scenario, const RecordedTrace& trace);

/// What a trace must hold: what follows from the scenario, less what its skipped steps leave out,
/// and less what would have followed where the data check ended it.
class ExpectedOfTrace {
 public:
  ExpectedOfTrace(const JudgeContext& context, const RecordedTrace& trace);

  const reference::SkippedSteps& skipped() const { return skipped_; }
  const RunEnd& end() const { return end_; }
  const std::vector<reference::Unit>& units() const { return follows_all() ? all_ : own_; }
  /// In a step that is skipped because numbers left the range, they may have.
  NonFinite non_finite(const Moment& moment) const {
    return moment.stage == Moment::Stage::step && skipped_.contains(moment.step)
               ? NonFinite::accepted
               : NonFinite::refused;
  }

 private:
  bool follows_all() const { return skipped_.empty() && !end_.at(); }

  reference::SkippedSteps skipped_;
  RunEnd end_;
  const std::vector<reference::Unit>& all_;
  std::vector<reference::Unit> own_;
};

}  // namespace shardproof::reports
