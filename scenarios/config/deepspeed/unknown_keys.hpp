#pragma once

#include <string>
#include <vector>

#include "scenarios/json/object_reader.hpp"

namespace shardproof {

/// The keys of a DeepSpeed config that DeepSpeed does not read: of the top level it takes the keys
/// that it knows and looks at no other (deepspeed/runtime/config.py of 0.19.6), so that a comment
/// or another tool's key may stand there. Throws ScenarioError, with a suggestion, at one that may
/// be a misspelt key which changes numbers.
std::vector<std::string> unknown_keys(const ObjectReader& top);

}  // namespace shardproof
