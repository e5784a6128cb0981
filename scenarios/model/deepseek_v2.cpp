#include "scenarios/model/deepseek.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;
using Relation = ConfigKey::Relation;

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = latent_decoder_keys({});
  all.push_back(flag_key("attention_bias"));
  all.push_back(flag_key("mlp_bias"));
  all.push_back({.name = "n_routed_experts", .absent = {64}, .highest = 512});
  all.push_back(
      {.name = "num_experts_per_tok", .relation = Relation::at_most, .other = "n_routed_experts"});
  all.push_back({.name = "n_shared_experts", .absent = {2}, .null = Fallback{0}, .highest = 512});
  all.push_back({.name = "moe_intermediate_size", .absent = {1407}});
  all.push_back({.name = "first_k_dense_replace", .absent = {0}, .lowest = 0});
  all.push_back({.name = "routed_scaling_factor", .kind = Kind::positive, .absent = {1}});
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  all.push_back({"topk_method", "\"greedy\"",
                 "experts limited to groups are not implemented: only \"greedy\""});
  all.push_back({"norm_topk_prob", "false",
                 "DeepSeek's own code normalizes the weights of the experts, transformers does not:"
                 " only false"});
  all.push_back({"scoring_func", "\"softmax\"", "only \"softmax\" is implemented"});
  all.push_back({"moe_layer_freq", "1", "only experts in every layer are implemented: 1"});
  all.push_back({"ep_size", "1", "expert parallelism is not implemented: only 1"});
  return all;
}

}  // namespace

// Source: transformers 4.57, models/deepseek_v2: one module per expert, as AutoTP's preset expects
// and as checkpoints are. It has no auxiliary loss: aux_loss_alpha and seq_aux say nothing, and
// with topk_method "greedy" neither do the groups.
Family deepseek_v2_family() {
  return {.model_type = "deepseek_v2",
          .preset = "deepseek_v2",
          .causal_class = "DeepseekV2ForCausalLM",
          .base_class = "DeepseekV2Model",
          .blocks = {{"model.layers", "DeepseekV2DecoderLayer"},
                     {"model.layers.*.mlp.experts", "DeepseekV2MLP"}},
          .tp_plan = {{"layers.*.self_attn.q_proj", "colwise"},
                      {"layers.*.self_attn.q_a_proj", "colwise"},
                      {"layers.*.self_attn.q_b_proj", "colwise"},
                      {"layers.*.self_attn.kv_b_proj", "colwise"},
                      {"layers.*.self_attn.o_proj", "rowwise"},
                      {"layers.*.mlp.gate_proj", "colwise"},
                      {"layers.*.mlp.up_proj", "colwise"},
                      {"layers.*.mlp.down_proj", "rowwise"},
                      {"lm_head", "colwise_rep"}},
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {"n_group", "topk_group", "aux_loss_alpha", "seq_aux"},
          .parameters = deepseek_parameters};
}

}  // namespace shardproof
