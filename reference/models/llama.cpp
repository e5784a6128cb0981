#include "reference/families.hpp"

namespace shardproof::reference {

// Llama: Touvron et al. 2023, arXiv:2302.13971. Pre-normed blocks of grouped-query attention with
// rotary positions, and SwiGLU.

namespace {

Value attention(Graph& net, const ModelDescription& model, const std::string& module, Value x,
                const Rotary& tables) {
  const Value q = net.linear(module + ".q_proj", x);
  const Value k = net.linear(module + ".k_proj", x);
  const Value v = net.linear(module + ".v_proj", x);
  const Value turned_q = net.rotary(module, "query_rotated", q, tables);
  const Value turned_k = net.rotary(module, "key_rotated", k, tables);
  const Value attended = net.attention(module, turned_q, turned_k, v, {.head_dim = model.head_dim});
  return net.linear(module + ".o_proj", attended);
}

Value mlp(Graph& net, const std::string& module, Value x) {
  const Value gate = net.linear(module + ".gate_proj", x);
  const Value up = net.linear(module + ".up_proj", x);
  return net.linear(module + ".down_proj", net.swiglu(module, gate, up));
}

}  // namespace

Value llama(Graph& net, const ModelDescription& model) {
  const auto norm = [&](const std::string& module, Value x) {
    return net.rms_norm(module, x, model.rms_norm_eps);
  };
  const Rotary tables = net.rotary_tables(model.head_dim, {.theta = model.rope_theta});

  Value x = net.embedding("model.embed_tokens", net.tokens());
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    const Value attended =
        attention(net, model, layer + ".self_attn", norm(layer + ".input_layernorm", x), tables);
    x = net.add(layer, "residual", x, attended);
    x = net.add(layer, "output", x,
                mlp(net, layer + ".mlp", norm(layer + ".post_attention_layernorm", x)));
  }
  x = norm("model.norm", x);
  const bool tied = model.tie_word_embeddings;
  return net.linear("lm_head", x, tied ? "model.embed_tokens.weight" : "lm_head.weight");
}

}  // namespace shardproof::reference
