#pragma once

#include <vector>

#include "reference/units/expected_tensors.hpp"
#include "reports/traces/engine_trace.hpp"
#include "scenarios/precision/precision.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// What every check may look at: the scenario and what follows from it alone, and the traces.
struct JudgeContext {
  const Scenario& scenario;
  PrecisionPolicy policy;
  const std::vector<reference::Unit>& units;  // of expected_units(scenario)
  std::vector<const RecordedTrace*> traces;   // sim, real: those that were run and are complete
  const TraceReader* reference = nullptr;     // nullptr: was not run

  /// Those of the traces that have programs and logs.
  std::vector<const EngineTrace*> engines() const {
    std::vector<const EngineTrace*> engines;
    for (const RecordedTrace* trace : traces)
      if (trace->engine() != nullptr) engines.push_back(trace->engine());
    return engines;
  }
};

}  // namespace shardproof::reports
