#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;
using Relation = ConfigKey::Relation;

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = {
      {.name = "qk_nope_head_dim", .absent = {128}},
      {.name = "qk_rope_head_dim",
       .absent = {64},
       .multiple_of = 2,
       .reason = "rotary embeddings need an even number"},
      {.name = "v_head_dim", .absent = {128}},
      {.name = "kv_lora_rank", .absent = {512}},
      {.name = "q_lora_rank", .absent = {1536}, .null = Fallback{0}},  // 0: q_proj alone
  };
  for (ConfigKey key : decoder_keys({.head_dim = {1, "qk_rope_head_dim"}})) {
    const std::string name = key.name;
    if (name == "head_dim") {  // of the rotated part, as transformers has it
      key.relation = Relation::equals;
      key.other = "qk_rope_head_dim";
    } else if (name == "num_key_value_heads") {  // latent attention has one key per query head
      key.relation = Relation::equals;
    }
    all.push_back(key);
  }
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

void add_latent_attention(const ModelDescription& model, const std::string& module,
                          ParameterList& list) {
  const std::int64_t hidden = model.hidden_size, heads = model.num_attention_heads;
  const std::int64_t nope = model.count("qk_nope_head_dim"), rope = model.count("qk_rope_head_dim");
  const std::int64_t value = model.count("v_head_dim");
  const std::int64_t q_rank = model.count("q_lora_rank"), kv_rank = model.count("kv_lora_rank");
  if (q_rank == 0) {
    list.linear(module + ".q_proj", heads * (nope + rope), hidden);
  } else {
    list.linear(module + ".q_a_proj", q_rank, hidden, model.attention_bias);
    list.rms_norm(module + ".q_a_layernorm", q_rank);
    list.linear(module + ".q_b_proj", heads * (nope + rope), q_rank);
  }
  list.linear(module + ".kv_a_proj_with_mqa", kv_rank + rope, hidden, model.attention_bias);
  list.rms_norm(module + ".kv_a_layernorm", kv_rank);
  list.linear(module + ".kv_b_proj", heads * (nope + value), kv_rank);
  list.linear(module + ".o_proj", hidden, heads * value, model.attention_bias);
}

void add_experts(const ModelDescription& model, const std::string& module, ParameterList& list) {
  const std::int64_t inner = model.count("moe_intermediate_size");
  const std::int64_t experts = model.count("n_routed_experts");
  const std::int64_t shared = model.count("n_shared_experts");
  for (std::int64_t expert = 0; expert < experts; ++expert)
    add_gated_mlp(model, module + ".experts." + std::to_string(expert), inner, list);
  list.linear(module + ".gate", experts, model.hidden_size);
  if (shared > 0) add_gated_mlp(model, module + ".shared_experts", shared * inner, list);
}

// With hidden C, heads h, the head dimensions n (nope), r (rope) and v, ranks Q and K, in each
// layer:
//   self_attn.q_a_proj.weight            (Q, C)           with q_lora_rank = null only
//   self_attn.q_a_layernorm.weight       (Q)              self_attn.q_proj (h (n + r), C)
//   self_attn.q_b_proj.weight            (h (n + r), Q)
//   self_attn.kv_a_proj_with_mqa.weight  (K + r, C)       the last r rows: the key that is rotated
//   self_attn.kv_a_layernorm.weight      (K)
//   self_attn.kv_b_proj.weight           (h (n + v), K)   rows: (h, n + v)
//   self_attn.o_proj.weight              (C, h v)
// and llama's mlp in the first first_k_dense_replace layers, after them, with E experts of inner M:
//   mlp.experts.e.{gate,up,down}_proj    as llama's mlp, of width M
//   mlp.gate.weight                      (E, C)
//   mlp.shared_experts.{gate,...}_proj   as llama's mlp, of width n_shared_experts M
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  std::int64_t dense = model.count("first_k_dense_replace");
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_latent_attention(model, layer + ".self_attn", list);
    if (dense-- > 0)
      add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    else
      add_experts(model, layer + ".mlp", list);
    add_layer_norms(model, layer, list);
  });
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
          .parameters = parameters};
}

}  // namespace shardproof
