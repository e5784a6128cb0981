#pragma once

#include "scenarios/json/object_reader.hpp"
#include "scenarios/model/family.hpp"

namespace shardproof {

/// Reads rope_scaling and transformers 5's rope_parameters, which also holds rope_theta, into
/// `model`; of ChatGLM rope_ratio. Throws ScenarioError at a kind of scaling that the family does
/// not have here, and at numbers that it lacks. `notices` may be null.
void read_rotary_keys(ObjectReader& reader, const Family& family, ModelDescription& model,
                      std::vector<std::string>* notices);

/// The keys that it reads, but for those of the family's table.
std::vector<std::string> rotary_key_names(const Family& family);

/// The keys from which it reads the same scaling again; none where there is none.
void write_rotary_keys(const Family& family, const ModelDescription& model, JsonValue& config);

}  // namespace shardproof
