#include "scenarios/model/llama.hpp"

namespace shardproof {

namespace {

class ParameterList {
 public:
  void add(const std::string& name, Shape shape) { list_.push_back({name, std::move(shape)}); }
  void add_linear(const std::string& module, std::int64_t out, std::int64_t in, bool bias) {
    add(module + ".weight", {out, in});
    if (bias) add(module + ".bias", {out});
  }
  std::vector<ParameterDescription> take() { return std::move(list_); }

 private:
  std::vector<ParameterDescription> list_;
};

void add_block(const ModelDescription& model, const std::string& block, ParameterList& list) {
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t inner = model.intermediate_size;
  const std::int64_t queries = model.num_attention_heads * model.head_dim;
  const std::int64_t keys = model.num_key_value_heads * model.head_dim;
  list.add_linear(block + ".self_attn.q_proj", queries, hidden, model.attention_bias);
  list.add_linear(block + ".self_attn.k_proj", keys, hidden, model.attention_bias);
  list.add_linear(block + ".self_attn.v_proj", keys, hidden, model.attention_bias);
  list.add_linear(block + ".self_attn.o_proj", hidden, queries, model.attention_bias);
  list.add_linear(block + ".mlp.gate_proj", inner, hidden, model.mlp_bias);
  list.add_linear(block + ".mlp.up_proj", inner, hidden, model.mlp_bias);
  list.add_linear(block + ".mlp.down_proj", hidden, inner, model.mlp_bias);
  list.add(block + ".input_layernorm.weight", {hidden});
  list.add(block + ".post_attention_layernorm.weight", {hidden});
}

}  // namespace

std::vector<ParameterDescription> llama_parameters(const ModelDescription& model) {
  ParameterList list;
  list.add("model.embed_tokens.weight", {model.vocab_size, model.hidden_size});
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer)
    add_block(model, "model.layers." + std::to_string(layer), list);
  list.add("model.norm.weight", {model.hidden_size});
  if (!model.tie_word_embeddings) list.add("lm_head.weight", {model.vocab_size, model.hidden_size});
  return list.take();
}

}  // namespace shardproof
