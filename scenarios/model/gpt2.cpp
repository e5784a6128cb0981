#include "scenarios/model/families.hpp"
#include "scenarios/model/parameter_list.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;
using Cut = OwnCutRule::Type;
using Parts = OwnCutRule::Parts;

std::vector<ConfigKey> keys() {
  return {
      {.name = "hidden_size", .spelt = {"n_embd", "hidden_size"}, .absent = {768}},
      {.name = "intermediate_size", .spelt = {"n_inner"}, .absent = {4, "hidden_size"}},
      {.name = "num_hidden_layers",
       .spelt = {"n_layer", "num_hidden_layers"},
       .absent = {12},
       .highest = 1'000},
      {.name = "num_attention_heads", .spelt = {"n_head", "num_attention_heads"}, .absent = {12}},
      {.name = "num_key_value_heads", .absent = {1, "num_attention_heads"}, .derived = true},
      {.name = "head_dim", .absent = {1, "hidden_size", "num_attention_heads"}, .derived = true},
      {.name = "vocab_size", .absent = {50257}, .lowest = 2, .highest = std::int64_t{1} << 31},
      {.name = "max_position_embeddings",
       .spelt = {"n_positions", "max_position_embeddings"},
       .absent = {1024},
       .highest = std::int64_t{1} << 31},
      {.name = "layer_norm_epsilon", .kind = Kind::positive, .absent = {1e-5}},
      {.name = "initializer_range", .kind = Kind::non_negative, .absent = {0.02}},
      {.name = "tie_word_embeddings", .kind = Kind::flag, .absent = {1}},
  };
}

std::vector<NeutralConfigKey> neutral() {
  return {
      {"activation_function", "\"gelu_new\"", "only \"gelu_new\" is implemented"},
      {"scale_attn_weights", "true", "attention without its scale is not implemented: only true"},
      {"scale_attn_by_inverse_layer_idx", "false",
       "attention scaled by the layer's index is not implemented: only false"},
      {"reorder_and_upcast_attn", "false",
       "attention in another order of rounding is not implemented: only false"},
  };
}

// With hidden C, inner I, vocabulary V, positions P:
//   transformer.wte.weight            (V, C)     also the head's, if tied
//   transformer.wpe.weight            (P, C)
//   transformer.h.N.ln_1              (C)        with a bias, as everything that follows
//   transformer.h.N.attn.c_attn       (C, 3 C)   columns: all of Q, then K, then V
//   transformer.h.N.attn.c_proj       (C, C)
//   transformer.h.N.ln_2              (C)
//   transformer.h.N.mlp.c_fc          (C, I)
//   transformer.h.N.mlp.c_proj        (I, C)
//   transformer.ln_f                  (C)
//   lm_head.weight                    (V, C)     absent if tied; no bias
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  const std::int64_t hidden = model.hidden_size;
  ParameterList list;
  list.embedding("transformer.wte", model.vocab_size, hidden);
  list.embedding("transformer.wpe", model.max_position_embeddings, hidden);
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer) {
    const std::string block = "transformer.h." + std::to_string(layer);
    list.layer_norm(block + ".ln_1", hidden);
    list.conv1d(block + ".attn.c_attn", hidden, 3 * hidden);
    list.conv1d(block + ".attn.c_proj", hidden, hidden);
    list.layer_norm(block + ".ln_2", hidden);
    list.conv1d(block + ".mlp.c_fc", hidden, model.intermediate_size);
    list.conv1d(block + ".mlp.c_proj", model.intermediate_size, hidden);
  }
  list.layer_norm("transformer.ln_f", hidden);
  if (!model.tie_word_embeddings) list.linear("lm_head", model.vocab_size, hidden);
  return list.take();
}

}  // namespace

// Source: transformers, models/gpt2. AutoTP has no preset and transformers no tp_plan for it, and
// AutoTP's heuristics refuse it. Its embedding has no padding row. The buffers are the causal mask
// and its value, which old checkpoints hold.
Family gpt2_family() {
  return {.model_type = "gpt2",
          .preset = "",
          .causal_class = "GPT2LMHeadModel",
          .base_class = "GPT2Model",
          .blocks = {{"transformer.h", "GPT2Block"}},
          .tp_plan = {},
          .own_cut = {{R"(.*\.attn\.c_attn\.weight$)", Cut::column, Parts::query_key_value},
                      {R"(.*\.attn\.c_proj\.weight$)", Cut::row},
                      {R"(.*\.mlp\.c_fc\.weight$)", Cut::column},
                      {R"(.*\.mlp\.c_proj\.weight$)", Cut::row}},
          .base_prefix = "transformer.",
          .buffers = {".attn.bias", ".attn.masked_bias"},
          .rotary = RotaryKeys::none,
          .keys = keys(),
          .dropouts = {{"resid_pdrop", 0.1}, {"embd_pdrop", 0.1}, {"attn_pdrop", 0.1}},
          .neutral = neutral(),
          .harmless = {"n_ctx", "pad_token_id", "summary_type", "summary_use_proj",
                       "summary_activation", "summary_proj_to_labels", "summary_first_dropout"},
          .parameters = parameters};
}

}  // namespace shardproof
