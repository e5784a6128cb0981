#pragma once

#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/model/model_description.hpp"
#include "scenarios/settings/mode.hpp"

namespace shardproof {

/// Reads the text of a Hugging Face config.json: `path` is the file or the folder that holds it.
JsonValue read_model_json(const std::string& path);

/// A Hugging Face config.json of any family (scenarios/model/families.hpp) as a ModelDescription.
/// Absent keys have the defaults of the published configuration class. A key that would change the
/// numbers and is not implemented is refused by name (ScenarioError); what becomes of an unknown
/// one says unknown_keys.hpp. `notices`, if not null, is told what was ignored.
ModelDescription model_from_json(const JsonValue& config, Mode mode = Mode::training,
                                 std::vector<std::string>* notices = nullptr);

/// The config.json, every default filled in, from which model_from_json gives the same description.
JsonValue to_json(const ModelDescription& model);

/// Whether a hyper-parameter of some family, or a key of which not every value is implemented, is
/// spelt so.
bool is_model_key(const std::string& name);

}  // namespace shardproof
