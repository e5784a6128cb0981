#include "reports/score/magnitude_search.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::reports {

namespace {

// What the fault's file multiplies by, less one.
double change_in(const Fault& fault) {
  return fault.inject.elements.at(0).find("factor")->number - 1;
}

}  // namespace

bool MagnitudeSearch::is_for(const FaultScore& score) {
  const std::vector<JsonValue>& edits = score.fault.inject.elements;
  return score.by_check && edits.size() == 1 && edits[0].find("factor") != nullptr;
}

MagnitudeSearch::MagnitudeSearch(FaultScore& score)
    : score_(&score), bisection_(std::fabs(change_in(score.fault))) {
  score.magnitude = {bisection_.smallest(), score.found.used};
}

JsonValue MagnitudeSearch::edits() const {
  JsonValue edits = score_->fault.inject;
  edits.elements[0].set("factor", 1 + std::copysign(bisection_.next(), change_in(score_->fault)));
  return edits;
}

void MagnitudeSearch::tell(const Finding& found) {
  const bool is_seen = std::ranges::count(found.failed, score_->fault.expected.check) > 0;
  bisection_.tell(is_seen);
  if (is_seen) score_->magnitude = {bisection_.smallest(), found.used};
}

}  // namespace shardproof::reports
