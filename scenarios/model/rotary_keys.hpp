#pragma once

#include "scenarios/model/model_description.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof {

/// What a model's config.json says of its rotary frequencies, for texts of `positions` tokens:
/// rope_theta, and rope_scaling's numbers where it is scaled. The formula stands in both wings.
RotaryFrequencies rotary_frequencies(const ModelDescription& model, std::int64_t positions);

}  // namespace shardproof
