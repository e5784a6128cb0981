#include "reference/models/families.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof::reference {

// GPT-NeoX: Black et al. 2022, arXiv:2204.06745. Query, key and value side by side within each
// head, of which the first features are turned; attention and MLP of the same input, or one after
// the other.

namespace {

class Blocks {
 public:
  Blocks(Graph& net, const ModelDescription& model)
      : net_(net),
        model_(model),
        tables_(net.rotary_tables(turned_width(model), {.theta = model.rope_theta})) {}

  Value norm(const std::string& module, Value x) {
    return net_.layer_norm(module, x, model_.number("layer_norm_epsilon"));
  }

  Value block(const std::string& layer, Value x) {
    const Value attended = attention(layer + ".attention", norm(layer + ".input_layernorm", x));
    if (!model_.flag("use_parallel_residual")) {
      x = net_.add(layer, "residual", attended, x);
      return net_.add(layer, "output", mlp(layer, x), x);
    }
    const Value both = net_.add(layer, "residual", mlp(layer, x), attended);
    return net_.add(layer, "output", both, x);
  }

 private:
  Value attention(const std::string& module, Value x) {
    const std::int64_t width = model_.head_dim;
    const RotaryForm form{.head_dim = width};
    const auto qkv = net_.split(module, {"query", "key", "value"},
                                net_.linear(module + ".query_key_value", x), {width, width, width});
    const Value q = net_.rotary(module, "query_rotated", qkv[0], tables_, form);
    const Value k = net_.rotary(module, "key_rotated", qkv[1], tables_, form);
    return net_.linear(module + ".dense",
                       net_.attention(module, q, k, qkv[2], {.head_dim = width}));
  }

  Value mlp(const std::string& layer, Value x) {
    const std::string module = layer + ".mlp";
    const Value inner =
        net_.linear(module + ".dense_h_to_4h", norm(layer + ".post_attention_layernorm", x));
    return net_.linear(module + ".dense_4h_to_h", net_.gelu(module, inner, GeluForm::erf));
  }

  Graph& net_;
  const ModelDescription& model_;
  Rotary tables_;
};

}  // namespace

Value gpt_neox(Graph& net, const ModelDescription& model) {
  Blocks blocks(net, model);
  Value x = net.embedding("gpt_neox.embed_in", net.tokens());
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i)
    x = blocks.block("gpt_neox.layers." + std::to_string(i), x);
  const bool tied = model.tie_word_embeddings;
  return net.linear("embed_out", blocks.norm("gpt_neox.final_layer_norm", x),
                    tied ? "gpt_neox.embed_in.weight" : "embed_out.weight");
}

}  // namespace shardproof::reference
