#pragma once

#include <string>
#include <vector>

#include "scenarios/model/family.hpp"

namespace shardproof {

/// Every family, in the order in which it is listed to people. One more is a file that describes
/// it, its declaration below and its row in families.cpp.
const std::vector<Family>& families();

/// "llama", "mistral", ...
std::vector<std::string> family_names();
/// Those of models that somebody has published.
std::vector<std::string> published_family_names();

/// Throws InvariantError if there is none of that model_type.
const Family& family_of(const std::string& model_type);

// One file each.
Family llama_family();
Family mistral_family();
Family qwen2_family();
Family qwen3_family();
Family qwen3_moe_family();
Family gemma2_family();
Family olmo2_family();
Family gemma3_family();
Family phi3_family();
Family gpt2_family();
Family opt_family();
Family bloom_family();
Family gpt_neox_family();
Family mixtral_family();
Family deepseek_v2_family();
Family deepseek_v3_family();
Family chatglm_family();
Family residual_mlp_family();

}  // namespace shardproof
