#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

using Cut = OwnCutRule::Type;

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys({.vocab_size = 50304,
                                             .max_position_embeddings = 2048,
                                             .rms_norm_eps = 1e-5,
                                             .pad_token_id = 1});
  all.push_back(flag_key("attention_bias"));
  return all;
}

// As llama, but for the norms, with heads h, KV heads k, head dimension d:
//   self_attn.q_norm.weight, k_norm.weight                  (h d), (k d)   over all heads at once
//   post_attention_layernorm, post_feedforward_layernorm    (C)            of what is added to x
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    const std::string attention = layer + ".self_attn";
    add_attention(model, attention, {model.attention_bias, model.attention_bias}, list);
    list.rms_norm(attention + ".q_norm", model.num_attention_heads * model.head_dim);
    list.rms_norm(attention + ".k_norm", model.num_key_value_heads * model.head_dim);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    for (const char* norm : {".post_attention_layernorm", ".post_feedforward_layernorm"})
      list.rms_norm(layer + norm, model.hidden_size);
  });
}

}  // namespace

// Source: transformers 4.57, models/olmo2. AutoTP has no preset of that name, and refuses a style
// of its tp_plan.
Family olmo2_family() {
  return {.model_type = "olmo2",
          .preset = "",
          .causal_class = "Olmo2ForCausalLM",
          .base_class = "Olmo2Model",
          .blocks = {{"model.layers", "Olmo2DecoderLayer"}},
          .tp_plan = {{"layers.*.self_attn.q_proj", "colwise_rep"},
                      {"layers.*.self_attn.k_proj", "colwise_rep"},
                      {"layers.*.self_attn.v_proj", "colwise_rep"},
                      {"layers.*.self_attn.o_proj", "rowwise_rep"},
                      {"layers.*.mlp.gate_proj", "colwise"},
                      {"layers.*.mlp.up_proj", "colwise"},
                      {"layers.*.mlp.down_proj", "rowwise"},
                      {"lm_head", "colwise_rep"}},
          .own_cut = {{R"(.*\.mlp\.(gate|up)_proj\.weight$)", Cut::column},
                      {R"(.*\.mlp\.down_proj\.weight$)", Cut::row}},
          .own_cut_leaves = "attention stays whole, since its norms take all heads at once",
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::linear,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = decoder_neutral_keys(),
          .harmless = {},
          .parameters = parameters};
}

}  // namespace shardproof
