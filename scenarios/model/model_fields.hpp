#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// The hyper-parameters of a ModelDescription by name, whether a field holds them or `numbers`:
/// "hidden_size" is a field, "layer_norm_epsilon" is not. Flags are 0 or 1.

/// The names of the fields, in the order of their declaration.
const std::vector<std::string>& field_names();

/// Nothing if the model has no hyper-parameter of that name.
std::optional<double> find_value(const ModelDescription& model, const std::string& name);

/// Writes the field of that name, else the entry of `numbers`.
void set_value(ModelDescription& model, const std::string& name, double value);

}  // namespace shardproof
