#pragma once

#include <string>
#include <vector>

#include "reports/score/fault.hpp"

namespace shardproof::reports {

/// Reads a fault (docs/faults.md lists its keys), with the scenario that it changes, unless that is
/// what must be refused. Throws ScenarioError with file:line:column.
Fault read_fault(const std::string& file);

/// The scenario with the fault in it: an edit keeps its place in the fault's file. Throws
/// ScenarioError.
Scenario scenario_of(const Fault& fault);

/// What is to be known of a fault's scenario because of its overrides: "DeepSpeed does not read
/// "foo"".
std::vector<std::string> notices_of_overrides(const Fault& fault);

/// Those of a folder's *.json, by name; of `given`, ids or paths of files there, only these, in
/// that order. Throws ScenarioError if there are none, or an id is that of no file, with the
/// nearest that is.
std::vector<Fault> read_faults(const std::string& folder, const std::vector<std::string>& given);

}  // namespace shardproof::reports
