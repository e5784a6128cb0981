#pragma once

#include <optional>

#include "reports/traces/recorded_trace.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// How far a run came. Where ranks could not go on together, each has recorded some of the moment
/// in which they parted, and perhaps of later ones. The data check ends it in the micro-step whose
/// tokens are not alike in a TP group: what would have followed is not missing, it may not be
/// there. (Such a run fails: the flag that ended it is a leaf, which must be 0.)
///
///   ended in step 1, micro-step 2   the initial moment, step 0 and step 1, micro-steps 0 and 1 are
///                                   whole; of micro-step 2 there is the data check alone
class RunEnd {
 public:
  RunEnd(const Scenario& scenario, const RecordedTrace& trace);

  /// Where it ended; nothing if it came to its end.
  const std::optional<Moment>& at() const { return at_; }
  /// Whether the data check ended it, which is all that there is of that moment.
  bool is_by_data_check() const { return by_data_check_; }
  /// Whether all that belongs to a moment was run.
  bool is_past(const Moment& moment) const;

 private:
  void find_data_check(const Scenario& scenario, const RecordedTrace& trace);

  std::optional<Moment> at_;
  bool by_data_check_ = false;
};

/// Where the outcome of a micro-step's data check is recorded.
std::string data_check_path(const Moment& micro_step);
/// Whether a run checks its data: where several ranks share a batch.
bool checks_data(const Scenario& scenario);

}  // namespace shardproof::reports
