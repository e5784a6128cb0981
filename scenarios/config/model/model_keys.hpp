#pragma once

#include "scenarios/json/object_reader.hpp"
#include "scenarios/model/family.hpp"

namespace shardproof {

/// Reads the hyper-parameters that the family's table lists into fields and numbers of `model`.
/// Throws ScenarioError at a value out of range, at spellings of one key that disagree, and at
/// numbers that do not fit each other.
void read_model_keys(ObjectReader& reader, const Family& family, ModelDescription& model);

/// Throws ScenarioError at the first key that has another value than the neutral one, or is absent
/// where the published default is another.
void require_neutral_values(ObjectReader& reader, const std::vector<NeutralConfigKey>& keys);

/// "n_embd" for GPT-2's hidden_size: as the family's config.json has it.
std::string published_name(const ConfigKey& key);
std::vector<std::string> spellings(const ConfigKey& key);

}  // namespace shardproof
