#include "scenarios/model/deepseek.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;
using Relation = ConfigKey::Relation;

std::vector<ConfigKey> decoder_keys_of_v3() {
  std::vector<ConfigKey> all = latent_decoder_keys({.vocab_size = 129280,
                                                    .hidden_size = 7168,
                                                    .intermediate_size = 18432,
                                                    .max_position_embeddings = 4096,
                                                    .num_key_value_heads = {128}});
  for (ConfigKey& key : all) {
    const std::string name = key.name;
    if (name == "num_hidden_layers") key.absent = {61};
    if (name == "num_attention_heads") key.absent = {128};
  }
  return all;
}

// Groups are ranked by their two best experts: each must have two.
std::vector<ConfigKey> group_keys() {
  return {
      {.name = "n_routed_experts", .absent = {256}, .highest = 512},
      {.name = "n_group", .absent = {8}, .highest = 64},
      {.name = "experts_of_a_group", .absent = {1, "n_routed_experts", "n_group"}, .derived = true},
      {.name = "experts_that_rank_a_group",
       .absent = {2},
       .derived = true,
       .relation = Relation::at_most,
       .other = "experts_of_a_group"},
      {.name = "topk_group", .absent = {4}, .relation = Relation::at_most, .other = "n_group"},
      {.name = "num_experts_per_tok",
       .absent = {8},
       .relation = Relation::at_most,
       .other = "n_routed_experts"}};
}

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys_of_v3();
  for (const ConfigKey& key : group_keys()) all.push_back(key);
  all.push_back(flag_key("attention_bias"));
  all.push_back({.name = "rope_interleave", .kind = Kind::flag, .absent = {1}});
  all.push_back({.name = "norm_topk_prob", .kind = Kind::flag, .absent = {1}});
  all.push_back({.name = "n_shared_experts", .absent = {1}, .highest = 512});
  all.push_back({.name = "moe_intermediate_size", .absent = {2048}});
  all.push_back({.name = "first_k_dense_replace", .absent = {3}, .lowest = 0});
  all.push_back({.name = "routed_scaling_factor", .kind = Kind::positive, .absent = {2.5}});
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  all.push_back({"topk_method", "\"noaux_tc\"",
                 "transformers' DeepseekV3TopkRouter knows no other choice: only \"noaux_tc\""});
  all.push_back({"scoring_func", "\"sigmoid\"",
                 "transformers' DeepseekV3TopkRouter knows no other scores: only \"sigmoid\""});
  all.push_back({"moe_layer_freq", "1", "only experts in every layer are implemented: 1"});
  all.push_back({"ep_size", "1", "expert parallelism is not implemented: only 1"});
  return all;
}

// Of the experts' scores, for the choice alone; no gradient reaches it. DeepSeek's own training
// moves it between steps by how many tokens each expert had, which transformers' class does not.
std::vector<ParameterDescription> untrained(const ModelDescription& model) {
  std::vector<ParameterDescription> list;
  for (std::int64_t i = model.count("first_k_dense_replace"); i < model.num_hidden_layers; ++i)
    list.push_back({"model.layers." + std::to_string(i) + ".mlp.gate.e_score_correction_bias",
                    {model.count("n_routed_experts")},
                    ModuleClass::linear});
  return list;
}

// AutoTP refuses its styles: a partition_config is needed, or the preset of deepseek_v2, whose
// modules have the same names.
std::vector<TpPlanEntry> tp_plan() {
  return {{"layers.*.mlp.experts.*.gate_proj", "local_colwise"},
          {"layers.*.mlp.experts.*.up_proj", "local_colwise"},
          {"layers.*.mlp.experts.*.down_proj", "local_rowwise"},
          {"layers.*.mlp.experts.*", "local"},
          {"layers.*.mlp.shared_experts.gate_proj", "local_colwise"},
          {"layers.*.mlp.shared_experts.up_proj", "local_colwise"},
          {"layers.*.mlp.shared_experts.down_proj", "local_rowwise"},
          {"layers.*.mlp.shared_experts", "local"},
          {"layers.*.mlp.gate_proj", "local_colwise"},
          {"layers.*.mlp.up_proj", "local_colwise"},
          {"layers.*.mlp.down_proj", "local_rowwise"},
          {"layers.*.mlp", "gather"},
          {"lm_head", "colwise_rep"}};
}

}  // namespace

// Source: transformers 4.57, models/deepseek_v3. Its class has no auxiliary loss, and no layer that
// predicts more than the next token: what a checkpoint holds of layer 61 is not loaded, whatever
// num_nextn_predict_layers says.
Family deepseek_v3_family() {
  return {.model_type = "deepseek_v3",
          .preset = "deepseek_v2",
          .causal_class = "DeepseekV3ForCausalLM",
          .base_class = "DeepseekV3Model",
          .blocks = {{"model.layers", "DeepseekV3DecoderLayer"},
                     {"model.layers.*.mlp.experts", "DeepseekV3MLP"}},
          .tp_plan = tp_plan(),
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .left_out = {"model.layers.61."},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {"aux_loss_alpha", "seq_aux"},
          .parameters = deepseek_parameters,
          .untrained = untrained};
}

}  // namespace shardproof
