#pragma once

#include <cstdint>
#include <string>

#include "scenarios/model/model_description.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof {

/// What a model's config.json says of its rotary frequencies, for texts of `positions` tokens:
/// rope_theta, and rope_scaling's numbers where it is scaled. The formula stands in both wings.
RotaryFrequencies rotary_frequencies(const ModelDescription& model, std::int64_t positions);

/// How many of the first features of a head are turned: all, or of a family with "rotary_pct" that
/// part of them.
std::int64_t turned_width(const ModelDescription& model);

/// The form of an op that turns these and lets the rest of a head pass.
RotaryForm rotary_form(const ModelDescription& model);

/// Throws ScenarioError unless these are pairs. `key`: what config.json calls "rotary_pct".
void require_pairs(const ModelDescription& model, const std::string& key);

}  // namespace shardproof
