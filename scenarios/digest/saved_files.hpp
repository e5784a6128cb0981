#pragma once

#include <map>
#include <string>

namespace shardproof {

/// The hash, as 16 hex digits, of each file that an execution saved in the folder of its traces:
/// "checkpoints/step-000001/rank-00000.bin". A checkpoint's manifest counts without the scenario
/// that it names: how a run was recorded is no part of what it saved.
std::map<std::string, std::string> saved_files(const std::string& folder);

}  // namespace shardproof
