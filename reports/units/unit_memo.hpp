#pragma once

#include <functional>
#include <map>
#include <string>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// What judging a unit found. `sound` is false where no bound exists.
struct UnitVerdict {
  Comparison comparison;
  Proof proof = Proof::bitwise;
  bool sound = true;
};

/// Units with equal functions, inputs and outputs are judged once: replicas, and sim's twin in
/// real. The key is the unit's description followed by its inputs and output: dtypes, shapes,
/// hashes.
class UnitMemo {
 public:
  UnitVerdict find_or(const std::string& key, const std::function<UnitVerdict()>& judge) {
    const auto found = verdicts_.find(key);
    if (found != verdicts_.end()) return found->second;
    return verdicts_.emplace(key, judge()).first->second;
  }

 private:
  std::map<std::string, UnitVerdict> verdicts_;
};

}  // namespace shardproof::reports
