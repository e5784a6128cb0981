#pragma once

#include "reports/score/bisection.hpp"
#include "reports/score/score.hpp"

namespace shardproof::reports {

/// Searches the smallest 1 + x, or 1 - x, by which a fault that scales is still seen by its check,
/// and leaves it in its score. Which other checks see it does not count: an op more in the program
/// is seen whatever its factor.
class MagnitudeSearch {
 public:
  /// Whether a score's fault is one edit that multiplies, and was seen by its check.
  static bool is_for(const FaultScore& score);

  /// `score` must outlive the search.
  explicit MagnitudeSearch(FaultScore& score);
  const Fault& fault() const { return score_->fault; }
  bool done() const { return bisection_.done(); }
  /// What is to be planted next.
  JsonValue edits() const;
  /// What a run with these edits has shown.
  void tell(const Finding& found);

 private:
  FaultScore* score_;
  Bisection bisection_;
};

}  // namespace shardproof::reports
