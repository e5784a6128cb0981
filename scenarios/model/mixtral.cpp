#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys({.intermediate_size = 14336,
                                             .max_position_embeddings = 131072,
                                             .rms_norm_eps = 1e-5,
                                             .rope_theta = 1e6,
                                             .num_key_value_heads = {8}});
  all.push_back(sliding_window_key({0}));
  all.push_back({.name = "num_local_experts", .absent = {8}, .highest = 512});
  all.push_back({.name = "num_experts_per_tok",
                 .absent = {2},
                 .relation = ConfigKey::Relation::at_most,
                 .other = "num_local_experts"});
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  all.push_back({"output_router_logits", "false",
                 "the router's auxiliary loss is not implemented: only false"});
  all.push_back({"router_jitter_noise", "0", "noise in the router is not implemented: only 0"});
  return all;
}

// With hidden C, inner I, experts E, beside llama's attention, in each layer:
//   block_sparse_moe.gate.weight          (E, C)
//   block_sparse_moe.experts.e.w1.weight  (I, C)   the gate
//   block_sparse_moe.experts.e.w2.weight  (C, I)   down
//   block_sparse_moe.experts.e.w3.weight  (I, C)   up
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  const std::int64_t hidden = model.hidden_size, inner = model.intermediate_size;
  const std::int64_t experts = model.count("num_local_experts");
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_attention(model, layer + ".self_attn", {}, list);
    const std::string moe = layer + ".block_sparse_moe";
    list.linear(moe + ".gate", experts, hidden);
    for (std::int64_t expert = 0; expert < experts; ++expert) {
      const std::string path = moe + ".experts." + std::to_string(expert);
      list.linear(path + ".w1", inner, hidden);
      list.linear(path + ".w2", hidden, inner);
      list.linear(path + ".w3", inner, hidden);
    }
    add_layer_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers 4.57, models/mixtral: one module per expert, as AutoTP's preset expects and
// as checkpoints are. (transformers 5 packs the experts of a layer into one parameter.)
Family mixtral_family() {
  return {.model_type = "mixtral",
          .preset = "mixtral",
          .causal_class = "MixtralForCausalLM",
          .base_class = "MixtralModel",
          .blocks = {{"model.layers", "MixtralDecoderLayer"},
                     {"model.layers.*.block_sparse_moe.experts", "MixtralBlockSparseTop2MLP"}},
          .tp_plan = {{"layers.*.self_attn.q_proj", "colwise"},
                      {"layers.*.self_attn.k_proj", "colwise"},
                      {"layers.*.self_attn.v_proj", "colwise"},
                      {"layers.*.self_attn.o_proj", "rowwise"},
                      {"layers.*.block_sparse_moe.gate", "colwise_rep"},
                      {"layers.*.block_sparse_moe.experts.*.w1", "colwise"},
                      {"layers.*.block_sparse_moe.experts.*.w2", "rowwise"},
                      {"layers.*.block_sparse_moe.experts.*.w3", "colwise"},
                      {"lm_head", "colwise_rep"}},
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {"router_aux_loss_coef"},
          .parameters = parameters};
}

}  // namespace shardproof
