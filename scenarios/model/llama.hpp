#pragma once

#include <vector>

#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// The parameters of a Llama model with the hyper-parameters of `model`, in the order and by the
/// names of Hugging Face's LlamaForCausalLM.state_dict(); weights are (out, in). With hidden C,
/// heads h, KV heads k, head dimension d, inner I, vocabulary V:
///
///   model.embed_tokens.weight                   (V, C)
///   model.layers.N.self_attn.q_proj.weight      (h d, C)   k_proj, v_proj: (k d, C)
///   model.layers.N.self_attn.o_proj.weight      (C, h d)
///   model.layers.N.mlp.gate_proj.weight         (I, C)     up_proj alike
///   model.layers.N.mlp.down_proj.weight         (C, I)
///   model.layers.N.input_layernorm.weight       (C)        post_attention_layernorm alike
///   model.norm.weight                           (C)
///   lm_head.weight                              (V, C)     absent if tied
///
/// A projection with a bias is followed by its .bias (out).
std::vector<ParameterDescription> llama_parameters(const ModelDescription& model);

}  // namespace shardproof
