#pragma once

#include <string>
#include <vector>

#include "scenarios/model/family.hpp"
#include "scenarios/model/parameter_list.hpp"

namespace shardproof {

/// What Llama and its descendants have in common: keys, refused values, tp_plan, parameter names.

/// Where their published configuration classes differ.
struct DecoderDefaults {
  double vocab_size = 32000;
  double hidden_size = 4096;
  double intermediate_size = 11008;
  double max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  double pad_token_id = kNoRow;
  Fallback num_key_value_heads = {1, "num_attention_heads"};
  Fallback head_dim = {1, "hidden_size", "num_attention_heads"};
};
/// hidden_size to tie_word_embeddings, without what only some of them have.
std::vector<ConfigKey> decoder_keys(const DecoderDefaults& defaults);
ConfigKey flag_key(const char* name);                                // false by default
ConfigKey sliding_window_key(Fallback absent, Fallback null = {0});  // 0: none

std::vector<DropoutKey> decoder_dropouts();

/// The activation, partly rotated heads, layer types.
std::vector<NeutralConfigKey> decoder_neutral_keys();

/// q_proj, k_proj, v_proj, o_proj of self_attn, gate_proj, up_proj, down_proj of mlp, lm_head.
std::vector<TpPlanEntry> decoder_tp_plan();

/// embed_tokens, then each layer as add_layer(layer's path) lists it, norm, lm_head unless tied.
template <typename AddLayer>
std::vector<ParameterDescription> decoder_parameters(const ModelDescription& model,
                                                     AddLayer add_layer) {
  ParameterList list;
  list.embedding("model.embed_tokens", model.vocab_size, model.hidden_size);
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer)
    add_layer("model.layers." + std::to_string(layer), list);
  list.rms_norm("model.norm", model.hidden_size);
  if (!model.tie_word_embeddings) list.linear("lm_head", model.vocab_size, model.hidden_size);
  return list.take();
}

struct AttentionBias {
  bool query_key_value = false;
  bool output = false;
};
/// q_proj, k_proj, v_proj, o_proj of `module`.
void add_attention(const ModelDescription& model, const std::string& module, AttentionBias bias,
                   ParameterList& list);
/// gate_proj, up_proj, down_proj of `module`.
void add_gated_mlp(const ModelDescription& model, const std::string& module, std::int64_t inner,
                   ParameterList& list);
/// input_layernorm, post_attention_layernorm.
void add_layer_norms(const ModelDescription& model, const std::string& layer, ParameterList& list);

}  // namespace shardproof
