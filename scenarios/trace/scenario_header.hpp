#pragma once

#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

/// What the traces of all executions of a scenario say alike, whoever writes them.
TraceHeader header_of(const Scenario& scenario, Execution execution);

}  // namespace shardproof
