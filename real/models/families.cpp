#include "real/models/families.hpp"

#include <map>

#include "scenarios/errors.hpp"

namespace shardproof::real {

FamilyLowering family_lowering(const std::string& family) {
  static const std::map<std::string, FamilyLowering> families{
      {"llama", lower_llama},
      {"mistral", lower_llama},
      {"mixtral", lower_mixtral},
      {"deepseek_v2", lower_deepseek_v2},
      {"deepseek_v3", lower_deepseek_v3},
      {"qwen2", lower_llama},
      {"qwen3", lower_qwen3},
      {"qwen3_moe", lower_qwen3_moe},
      {"gemma2", lower_gemma2},
      {"gemma3_text", lower_gemma3},
      {"olmo2", lower_olmo2},
      {"phi3", lower_phi3},
      {"gpt2", lower_gpt2},
      {"gpt_neox", lower_gpt_neox},
      {"opt", lower_opt},
      {"bloom", lower_bloom},
      {"chatglm", lower_chatglm},
      {"residual_mlp", lower_residual_mlp},
  };
  const auto found = families.find(family);
  if (found != families.end()) return found->second;
  std::string known;
  for (const auto& [name, lowering] : families) known += (known.empty() ? "" : ", ") + name;
  throw ScenarioError("models of family '" + family + "' are described but not run yet: only " +
                      known);
}

}  // namespace shardproof::real
