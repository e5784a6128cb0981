#pragma once

#include <string>

#include "real/models/network.hpp"

namespace shardproof::real {

/// The forward pass of a family's model, as if nothing were cut: tokens (B, T) -> logits (B, T, V).
using FamilyLowering = ValueId (*)(Network& net, ValueId tokens);

/// One a file of this folder. Mistral and Qwen2 are told as Llama: that they look back over a
/// window, that their projections have biases, stands in their descriptions.
ValueId lower_llama(Network& net, ValueId tokens);
ValueId lower_deepseek_v2(Network& net, ValueId tokens);
ValueId lower_deepseek_v3(Network& net, ValueId tokens);
ValueId lower_mixtral(Network& net, ValueId tokens);
ValueId lower_qwen3(Network& net, ValueId tokens);
ValueId lower_qwen3_moe(Network& net, ValueId tokens);
ValueId lower_gemma2(Network& net, ValueId tokens);
ValueId lower_olmo2(Network& net, ValueId tokens);
ValueId lower_gemma3(Network& net, ValueId tokens);
ValueId lower_phi3(Network& net, ValueId tokens);
ValueId lower_gpt2(Network& net, ValueId tokens);
ValueId lower_gpt_neox(Network& net, ValueId tokens);
ValueId lower_opt(Network& net, ValueId tokens);
ValueId lower_bloom(Network& net, ValueId tokens);
ValueId lower_chatglm(Network& net, ValueId tokens);
ValueId lower_residual_mlp(Network& net, ValueId tokens);

/// Throws ScenarioError if there is none.
FamilyLowering family_lowering(const std::string& family);

}  // namespace shardproof::real
