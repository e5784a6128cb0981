#pragma once

#include <string>
#include <vector>

#include "reference/unit.hpp"
#include "scenarios/config/scenario.hpp"

namespace shardproof::reference {

/// "/step/000003", in which what happens once a step is recorded.
std::string step_folder(int step);

/// Appends the masters, which begin as casts of the initial weights (spec-autotp 7.7.4).
void append_masters(const Scenario& scenario, std::vector<Unit>& units);
/// Appends accumulator/P of a micro-step: what each replica has summed up, or with ZeRO 2 the sum of
/// reduce/P/averaged, the micro-steps' means over the replicas (spec-autotp 7.7).
void append_accumulation(const Scenario& scenario, int step, int micro, std::vector<Unit>& units);
/// Appends gradient/P: the mean over the replicas of what was accumulated.
void append_reduction(const Scenario& scenario, int step, std::vector<Unit>& units);
/// Appends what is asked of all gradients at once: the overflow flag, the norm, and the factor that
/// clips by it (spec-autotp 7.8, 7.10).
void append_norm(const Scenario& scenario, int step, std::vector<Unit>& units);
/// Appends the clipped gradients, the optimizer's states, and the updated weights.
void append_update(const Scenario& scenario, int step, std::vector<Unit>& units);

}  // namespace shardproof::reference
