#pragma once

#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/model/family.hpp"

namespace shardproof {

/// What is made of a key of config.json that the family does not read:
///
/// | the key                                 | then                                          |
/// |-----------------------------------------|-----------------------------------------------|
/// | is nearly one that numbers depend on    | an error that suggests it                     |
/// | is read by some configuration class of  | an error that names the class: whoever wrote  |
/// | transformers                            | it may mean what the class does               |
/// | any other: "unsloth_fixed", "_comment"  | a line of `notices`: the family's own class   |
/// |                                         | ignores it too                                |
///
/// Throws ScenarioError at the first error. `notices` may be null.
void judge_unknown_keys(const JsonValue& config, const Family& family,
                        std::vector<std::string>* notices);

}  // namespace shardproof
