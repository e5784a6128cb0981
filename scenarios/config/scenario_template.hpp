#pragma once

#include <string>

namespace shardproof {

/// A scenario with comments, for a user to change (`shardproof init`): a small Llama on four ranks.
/// It runs as it is.
std::string scenario_template();

}  // namespace shardproof
