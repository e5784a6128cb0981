#include "scenarios/model/families.hpp"

#include "scenarios/errors.hpp"

namespace shardproof {

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      llama_family(),   mistral_family(),     qwen2_family(),       qwen3_family(),
      gemma2_family(),  gemma3_family(),      olmo2_family(),       phi3_family(),
      gpt2_family(),    gpt_neox_family(),    opt_family(),         bloom_family(),
      mixtral_family(), qwen3_moe_family(),   deepseek_v2_family(), deepseek_v3_family(),
      chatglm_family(), residual_mlp_family()};
  return all;
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family& family : families()) names.push_back(family.model_type);
  return names;
}

std::vector<std::string> published_family_names() {
  std::vector<std::string> names;
  for (const Family& family : families())
    if (family.published) names.push_back(family.model_type);
  return names;
}

const Family& family_of(const std::string& model_type) {
  const Family* found = nullptr;
  for (const Family& family : families())
    if (family.model_type == model_type) found = &family;
  SHARDPROOF_EXPECTS(found != nullptr, "there is no family", model_type);
  return *found;
}

}  // namespace shardproof
