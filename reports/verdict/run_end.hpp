#pragma once

#include <optional>

#include "reports/traces/recorded_trace.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// How far a run came. The data check ends it in the micro-step whose tokens are not alike in a TP
/// group: what would have followed is not missing, it may not be there. (Such a run fails: the flag
/// that ended it is a leaf, which must be 0.)
///
///   ended in step 1, micro-step 2   the initial moment, step 0 and step 1, micro-steps 0 and 1 are
///                                   whole; of micro-step 2 there is the data check alone
class RunEnd {
 public:
  RunEnd(const Scenario& scenario, const RecordedTrace& trace);

  /// Where the data check ended it; nothing if it came to its end.
  const std::optional<Moment>& at() const { return at_; }
  /// Whether all that belongs to a moment was run.
  bool is_past(const Moment& moment) const;

 private:
  std::optional<Moment> at_;
};

/// Where the outcome of a micro-step's data check is recorded.
std::string data_check_path(const Moment& micro_step);
/// Whether a run checks its data: where several ranks share a batch.
bool checks_data(const Scenario& scenario);

}  // namespace shardproof::reports
