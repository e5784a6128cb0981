#pragma once

#include <string>

#include "scenarios/json/json_document.hpp"
#include "scenarios/model/family.hpp"

namespace shardproof {

/// Which of transformers' classes a config.json is for.

/// The family that model_type names. Throws ScenarioError, which lists those there are, and offers
/// none of them: a model is not another one because their names are alike.
const Family& family_of_config(const JsonValue& config);

/// Throws ScenarioError where `architectures` or `auto_map` names another class than the family's
/// causal language model: another head ("LlamaForSequenceClassification"), or somebody's own code.
/// The base class is no other: what it lacks is the head that training adds.
void require_causal_class(const JsonValue& config, const Family& family);

/// "LlamaConfig".
std::string config_class(const Family& family);

}  // namespace shardproof
