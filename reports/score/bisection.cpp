#include "reports/score/bisection.hpp"

#include <cmath>

namespace shardproof::reports {

double Bisection::next() const { return std::sqrt(unseen_ * seen_); }

void Bisection::tell(bool is_seen) { (is_seen ? seen_ : unseen_) = next(); }

}  // namespace shardproof::reports
