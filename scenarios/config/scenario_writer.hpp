#pragma once

#include <string>

#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// The effective scenario as JSON: every default filled in, the configs inlined, paths absolute.
/// read_scenario of it gives the same scenario, so running it repeats the run.
std::string write_scenario(const Scenario& scenario);

/// The effective scenario without its notices, as one line of JSON in which a data file counts by
/// its bytes, weights by their files' names and sizes, a checkpoint by its manifest, none by its
/// place on this machine.
std::string hashed_scenario(const Scenario& scenario);
/// Hex digest of that.
std::string scenario_hash(const Scenario& scenario);

}  // namespace shardproof
