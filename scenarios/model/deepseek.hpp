#pragma once

#include <vector>

#include "scenarios/model/decoder.hpp"

namespace shardproof {

/// What DeepSeek's families have in common: latent attention, and experts behind some dense layers.

/// The widths of latent attention, then decoder_keys.
std::vector<ConfigKey> latent_decoder_keys(DecoderDefaults defaults);

/// With hidden C, heads h, the head dimensions n (nope), r (rope) and v, ranks Q and K, in each
/// layer:
///   self_attn.q_a_proj.weight            (Q, C)           with q_lora_rank = null only
///   self_attn.q_a_layernorm.weight       (Q)              self_attn.q_proj (h (n + r), C)
///   self_attn.q_b_proj.weight            (h (n + r), Q)
///   self_attn.kv_a_proj_with_mqa.weight  (K + r, C)       the last r rows: the key that is rotated
///   self_attn.kv_a_layernorm.weight      (K)
///   self_attn.kv_b_proj.weight           (h (n + v), K)   rows: (h, n + v)
///   self_attn.o_proj.weight              (C, h v)
/// and llama's mlp in the first first_k_dense_replace layers; after them, with E experts of inner
/// M:
///   mlp.experts.e.{gate,up,down}_proj    as llama's mlp, of width M
///   mlp.gate.weight                      (E, C)
///   mlp.shared_experts.{gate,...}_proj   as llama's mlp, of width n_shared_experts M
std::vector<ParameterDescription> deepseek_parameters(const ModelDescription& model);

}  // namespace shardproof
