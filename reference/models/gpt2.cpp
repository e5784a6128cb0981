#include "reference/models/families.hpp"

namespace shardproof::reference {

// GPT-2: Radford et al. 2019. Learned positions, LayerNorm before each half of a block, GELU in its
// tanh form. Every linear layer is a Conv1D, with a bias.

namespace {

Value attention(Graph& net, const ModelDescription& model, const std::string& module, Value x) {
  const std::int64_t width = model.hidden_size;
  const auto qkv = net.split(module, {"query", "key", "value"}, net.linear(module + ".c_attn", x),
                             {width, width, width});
  const Value attended =
      net.attention(module, qkv[0], qkv[1], qkv[2], {.head_dim = model.head_dim});
  return net.linear(module + ".c_proj", attended);
}

Value mlp(Graph& net, const std::string& module, Value x) {
  const Value inner = net.linear(module + ".c_fc", x);
  return net.linear(module + ".c_proj", net.gelu(module, inner, GeluForm::tanh));
}

}  // namespace

Value gpt2(Graph& net, const ModelDescription& model) {
  const auto norm = [&](const std::string& module, Value x) {
    return net.layer_norm(module, x, model.number("layer_norm_epsilon"));
  };

  const Value words = net.embedding("transformer.wte", net.tokens());
  const Value places = net.embedding("transformer.wpe", net.positions());
  Value x = net.add("transformer", "embeddings", words, places);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "transformer.h." + std::to_string(i);
    const Value attended = attention(net, model, layer + ".attn", norm(layer + ".ln_1", x));
    x = net.add(layer, "residual", x, attended);
    x = net.add(layer, "output", x, mlp(net, layer + ".mlp", norm(layer + ".ln_2", x)));
  }
  x = norm("transformer.ln_f", x);
  const bool tied = model.tie_word_embeddings;
  return net.linear("lm_head", x, tied ? "transformer.wte.weight" : "lm_head.weight");
}

}  // namespace shardproof::reference
