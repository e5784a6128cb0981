#pragma once

#include <string>
#include <vector>

#include "reference/expected_tensors.hpp"

namespace shardproof::reference {

/// "/initial/parameter/P" before the first step, "/step/000003/parameter/P" before step 4.
std::string parameter_before(int step, const std::string& parameter);

/// Appends the units of one micro-step: labels, forward, backward, and the accumulation of
/// gradients.
void append_micro_step(const Scenario& scenario, int step, int micro, std::vector<Unit>& units);

}  // namespace shardproof::reference
