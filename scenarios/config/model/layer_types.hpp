#pragma once

#include <string>
#include <vector>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/model/family.hpp"

namespace shardproof {

/// Which layers of a family whose layers are of two types look back over its sliding window:
/// those that layer_types, a list of as many as there are layers, calls "sliding_attention" and not
/// "full_attention". Without it all but every sliding_window_pattern-th, which are 6 by default.
/// Into "slides.0" and so on. Throws ScenarioError at another type or number of them.
/// Source: transformers 4.57, Gemma3TextConfig: where both keys are given the list decides.
void read_layer_types(ObjectReader& reader, const Family& family, ModelDescription& model);

/// The keys that it reads.
std::vector<std::string> layer_type_key_names(const Family& family);

/// The list from which it reads the same again; none of a family whose layers are alike.
void write_layer_types(const Family& family, const ModelDescription& model, JsonValue& config);

}  // namespace shardproof
