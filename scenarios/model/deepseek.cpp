#include "scenarios/model/deepseek.hpp"

namespace shardproof {

namespace {

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

}  // namespace

std::vector<ConfigKey> latent_decoder_keys(DecoderDefaults defaults) {
  using Relation = ConfigKey::Relation;
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
  defaults.head_dim = {1, "qk_rope_head_dim"};
  for (ConfigKey key : decoder_keys(defaults)) {
    const std::string name = key.name;
    if (name == "head_dim") {  // of the rotated part, as transformers has it
      key.relation = Relation::equals;
      key.other = "qk_rope_head_dim";
    } else if (name == "num_key_value_heads") {  // latent attention has one key per query head
      key.relation = Relation::equals;
    }
    all.push_back(key);
  }
  return all;
}

std::vector<ParameterDescription> deepseek_parameters(const ModelDescription& model) {
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

}  // namespace shardproof
