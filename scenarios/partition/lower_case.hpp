#pragma once

#include <string>

namespace shardproof {

/// Of ASCII letters: DeepSpeed compares names of presets, styles and model types in lower case.
std::string lower_case(std::string text);

}  // namespace shardproof
