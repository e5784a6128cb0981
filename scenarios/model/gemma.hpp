#pragma once

#include "scenarios/model/decoder.hpp"

namespace shardproof {

/// What Gemma 2 and 3 have in common: keys, refused values, the norms of a block.

/// Where their published configuration classes differ.
struct GemmaDefaults {
  double vocab_size;
  double max_position_embeddings;
  double rope_theta = 10000;
  double final_logit_softcapping = 0;  // 0: null
};
std::vector<ConfigKey> gemma_keys(const GemmaDefaults& defaults);

/// The activation, the direction of attention, and those of other decoders, but for layer types.
std::vector<NeutralConfigKey> gemma_neutral_keys();

/// Four norms a layer, two of them of what is added to the residual: input_layernorm,
/// post_attention_layernorm, pre_feedforward_layernorm, post_feedforward_layernorm.
void add_gemma_norms(const ModelDescription& model, const std::string& layer, ParameterList& list);

}  // namespace shardproof
