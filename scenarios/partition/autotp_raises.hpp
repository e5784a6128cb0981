#pragma once

#include <string>

#include "scenarios/errors.hpp"

namespace shardproof {

/// Bad input at which AutoTP itself raises, so that DeepSpeed would run nothing: where a family has
/// a cut of Shardproof's own, that one steps in (own_cut.hpp).
class AutoTpRaises : public ScenarioError {
 public:
  /// what() is "place: reason" and the way out.
  AutoTpRaises(const SourcePlace& place, const std::string& reason, const std::string& way_out = "")
      : ScenarioError(place, reason + way_out), reason_(reason) {}

  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

}  // namespace shardproof
