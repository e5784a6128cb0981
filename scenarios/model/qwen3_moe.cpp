#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys({.vocab_size = 151936,
                                             .hidden_size = 2048,
                                             .intermediate_size = 6144,
                                             .max_position_embeddings = 32768,
                                             .num_key_value_heads = {4}});
  for (ConfigKey& key : all)
    if (std::string(key.name) == "num_hidden_layers") key.absent = {24};
  all.push_back(flag_key("attention_bias"));
  all.push_back({.name = "num_experts", .absent = {128}, .highest = 512});
  all.push_back({.name = "num_experts_per_tok",
                 .absent = {8},
                 .relation = ConfigKey::Relation::at_most,
                 .other = "num_experts"});
  all.push_back({.name = "moe_intermediate_size", .absent = {768}});
  all.push_back({.name = "decoder_sparse_step", .absent = {1}});
  all.push_back(flag_key("norm_topk_prob"));
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  all.push_back(
      {"mlp_only_layers", "[]", "single layers without experts are not implemented: only []"});
  all.push_back({"use_qk_norm", "true", "Qwen3MoeAttention norms its heads: only true"});
  all.push_back({"output_router_logits", "false",
                 "the router's auxiliary loss is not implemented: only false"});
  return all;
}

std::vector<TpPlanEntry> tp_plan() {
  std::vector<TpPlanEntry> plan = normed_attention_tp_plan();
  plan.insert(plan.end() - 1, {{"layers.*.mlp.experts.*.gate_proj", "colwise"},
                               {"layers.*.mlp.experts.*.up_proj", "colwise"},
                               {"layers.*.mlp.experts.*.down_proj", "rowwise"}});
  return plan;
}

// As qwen3, but every decoder_sparse_step-th layer has, with hidden C, experts E of inner M:
//   mlp.gate.weight                     (E, C)
//   mlp.experts.e.{gate,up,down}_proj   as llama's mlp, of width M
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  std::int64_t place = 0;
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_normed_attention(model, layer + ".self_attn", list);
    const std::string mlp = layer + ".mlp";
    if (++place % model.count("decoder_sparse_step") != 0) {
      add_gated_mlp(model, mlp, model.intermediate_size, list);
    } else {
      list.linear(mlp + ".gate", model.count("num_experts"), model.hidden_size);
      for (std::int64_t expert = 0; expert < model.count("num_experts"); ++expert)
        add_gated_mlp(model, mlp + ".experts." + std::to_string(expert),
                      model.count("moe_intermediate_size"), list);
    }
    add_layer_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers 4.57, models/qwen3_moe: one module per expert, as checkpoints are. AutoTP
// has no preset of that name.
Family qwen3_moe_family() {
  return {.model_type = "qwen3_moe",
          .preset = "",
          .causal_class = "Qwen3MoeForCausalLM",
          .base_class = "Qwen3MoeModel",
          .blocks = {{"model.layers", "Qwen3MoeDecoderLayer"},
                     {"model.layers.*.mlp.experts", "Qwen3MoeMLP"}},
          .tp_plan = tp_plan(),
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {"sliding_window", "max_window_layers", "router_aux_loss_coef"},
          .parameters = parameters};
}

}  // namespace shardproof
