#pragma once

#include <string>
#include <vector>

#include "scenarios/partition/layer_spec.hpp"

namespace shardproof {

/// AutoTP's built-in tables, by the names that `preset_model` may have (in lower case).
std::vector<std::string> preset_names();

/// The specs of one of them, in order. `place` is that of `preset_model`, for errors.
std::vector<LayerSpec> preset_specs(const std::string& name, const SourcePlace& place);

}  // namespace shardproof
