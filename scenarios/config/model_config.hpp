#pragma once

#include <string>

#include "scenarios/config/json_document.hpp"
#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// Reads the text of a Hugging Face config.json: `path` is the file or the folder that holds it.
JsonValue read_model_json(const std::string& path);

/// A Hugging Face Llama config as a ModelDescription. Absent keys have the defaults of
/// transformers' LlamaConfig. A key that would change the numbers and is not implemented is refused
/// by name, an unknown one with a suggestion (ScenarioError).
ModelDescription model_from_json(const JsonValue& config);

/// The config.json, every default filled in, from which model_from_json gives the same description.
JsonValue to_json(const ModelDescription& model);

}  // namespace shardproof
