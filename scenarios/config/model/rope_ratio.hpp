#pragma once

#include "scenarios/json/object_reader.hpp"
#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// rope_ratio is one key of two models that share a model_type and every other key:
///
/// | published code                | positions | base       |
/// |-------------------------------|-----------|------------|
/// | chatglm2-6b-32k               | t / ratio | 10^4       |
/// | chatglm3-6b-32k, glm-4-9b     | t         | 10^4 ratio |
///
/// Only their names tell them apart, which _name_or_path holds, and GLM-4's vocabulary of 151,552,
/// which neither of the others has. A ratio of 1 is the same for both.
/// Source: modeling_chatglm.py of each.

/// Into rope_theta, or rope_scaling.factor, which divides positions. Throws ScenarioError at a
/// ratio that could be either.
void read_rope_ratio(ObjectReader& reader, ModelDescription& model);

/// What read_rope_ratio needs to read the same again, beside rope_ratio itself.
void write_rope_ratio(const ModelDescription& model, JsonValue& config);

}  // namespace shardproof
