#pragma once

#include <string>
#include <vector>

#include "reference/units/expected_tensors.hpp"
#include "reports/traces/engine_trace.hpp"
#include "scenarios/precision/precision.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

struct JudgeContext;

/// What the judge has of a run's fp64 shadow (scenarios/precision/shadow.hpp).
struct JudgedShadow {
  const JudgeContext* context = nullptr;  // of its trace; nullptr: there is none
  std::string not_run = {};               // and why
};

/// What every check may look at: the scenario and what follows from it alone, and the traces.
struct JudgeContext {
  const Scenario& scenario;
  PrecisionPolicy policy;
  const std::vector<reference::Unit>& units;  // of expected_units(scenario)
  std::vector<const RecordedTrace*> traces;   // sim, real: those that were run and are complete
  const TraceReader* reference = nullptr;     // nullptr: was not run
  JudgedShadow shadow = {};

  /// Those of the traces that have programs and logs.
  std::vector<const EngineTrace*> engines() const {
    std::vector<const EngineTrace*> engines;
    for (const RecordedTrace* trace : traces)
      if (trace->engine() != nullptr) engines.push_back(trace->engine());
    return engines;
  }
};

}  // namespace shardproof::reports
