#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reports/score/fault.hpp"
#include "reports/score/finding.hpp"

namespace shardproof::reports {

/// The smallest 1 + x by which a fault that scales is still seen by its check, and the x that the
/// bound predicts: what was allowed before the last rounding, of the expected value's size, at the
/// first wrong element of that run.
struct Magnitude {
  double found = 0;
  std::optional<double> predicted;
};

/// What was found of one fault, held against what was expected.
struct FaultScore {
  Fault fault;
  Finding found;
  bool detected = false;  // flagged, and its clean run is not; of a refusal: refused
  bool by_check = false;  // by the check that was expected; of a refusal: for the reason expected
  bool op_exact = false;  // the op that was expected
  bool op_right = false;  // or one that writes what that reads, or reads what it writes
  bool ranks_right = false;
  bool cause_right = false;
  std::optional<double> loss_change;  // against the clean run; nothing: no step has both losses
  std::optional<Magnitude> magnitude = {};
  std::string miss;  // what is not as expected; "": all is

  bool holds() const { return miss.empty(); }
  /// A person who looks at the curve alone would have seen it.
  bool loss_shows() const { return loss_change.value_or(0) > 0.01; }
};

/// Whether two ops stand next to each other (OpNeighbours).
using AreNext = std::function<bool(const std::string& a, const std::string& b)>;

/// `clean`: of the same scenario with nothing planted. Of what must be refused, and of what is
/// legitimate, nobody asks for it.
FaultScore score_of(const Fault& fault, const Finding& found, const Finding& clean,
                    const AreNext& are_next);

/// How many faults of a class, or of all, are as expected. Those that must be refused count among
/// detected and by_check alone; those that are legitimate in `flagged` alone.
struct ScoreCounts {
  int faults = 0;
  int flagged = 0;
  int named = 0;  // that have an op, ranks and a cause
  int detected = 0, by_check = 0, op_right = 0, op_exact = 0, ranks_right = 0, cause_right = 0;
  int loss_shows = 0;
  int corrected = 0;
};
ScoreCounts counts_of(const std::vector<FaultScore>& scores, FaultClass of);
/// Of all classes but the legitimate runs, of which only `flagged` counts.
ScoreCounts counts_of(const std::vector<FaultScore>& scores);

}  // namespace shardproof::reports
