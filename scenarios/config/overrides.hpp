#pragma once

#include <string>

#include "scenarios/json/json_document.hpp"

namespace shardproof {

/// Sets one value in a scenario whose "model.config" and "deepspeed" are inlined.
///
///   num_hidden_layers=2               a key of the model's config.json
///   steps=1                           a key of the scenario itself
///   gradient_clipping=0               a key of the DeepSpeed config
///   zero_optimization.stage=0         a key of one of its sections
///   data.sequence=32                  a key of a section of the scenario
///
/// The value is JSON, or a string if it is not. A name that is none of the keys a scenario may have
/// is found by the ordinary check of unknown keys: it is set in the DeepSpeed config. Throws
/// ScenarioError if there is no '=' or a section is no object.
void apply_override(JsonValue& scenario, const std::string& override_text);

}  // namespace shardproof
