#pragma once

#include <span>
#include <vector>

#include "scenarios/model/family.hpp"

namespace shardproof {

/// What a config.json of any family may say, as transformers' PretrainedConfig does.

/// Keys of the class itself and of text generation on which no number of a step depends.
std::span<const char* const> common_harmless_keys();

/// Keys of which one value is implemented: no family has more than the causal decoder.
const std::vector<NeutralConfigKey>& common_neutral_keys();

}  // namespace shardproof
