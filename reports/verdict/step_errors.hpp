#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/unit_place.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// Collects the worst of each step. What belongs to no step is not in it.
class StepErrors {
 public:
  void add(const UnitPlace& place, const Comparison& comparison, Proof proof);
  std::vector<StepError> steps() const;

 private:
  using Key = std::pair<std::string, int>;  // execution, step
  std::map<Key, StepError> steps_;
};

}  // namespace shardproof::reports
