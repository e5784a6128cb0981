#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"

namespace shardproof {

/// What came of a scenario, as far as it matters to whoever draws scenarios, or makes them smaller.
struct Outcome {
  std::string verdict;              // "pass", "fail", "unknown", "error"; "refused": it was not run
  std::vector<std::string> checks;  // that failed, or know nothing
  std::string execution;            // of the first divergence; "": there is none
  std::string op;
  std::string sentence;  // why, unless it is a pass

  bool is_pass() const { return verdict == "pass"; }
};

/// Runs a scenario and judges it.
using RunScenario = std::function<Outcome(const JsonValue& scenario)>;

/// From a run's summary.json.
Outcome outcome_of(const JsonValue& summary);

/// Whether an outcome is that of the same defect as another, as far as one can see: the same
/// verdict and op, whatever the numbers are in its name, by no other checks; where no op is named,
/// by the same checks.
///
///     model.layers.3.mlp.down_proj/forward/all_reduce
///     model.layers.0.mlp.down_proj/forward/all_reduce      the same
bool is_same_way(const Outcome& outcome, const Outcome& way);

}  // namespace shardproof
