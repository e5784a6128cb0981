#include "reference/models/families.hpp"

namespace shardproof::reference {

// OPT: Zhang et al. 2022, arXiv:2205.01068. Learned positions that begin at the third row of their
// table, LayerNorm before each half of a block, ReLU; biases everywhere but in the head.

namespace {

class Blocks {
 public:
  Blocks(Graph& net, const ModelDescription& model) : net_(net), model_(model) {}

  Value norm(const std::string& module, Value x) {
    return net_.layer_norm(module, x, model_.number("layer_norm_epsilon"));
  }

  Value block(const std::string& layer, Value x) {
    const Value attended =
        attention(layer + ".self_attn", norm(layer + ".self_attn_layer_norm", x));
    x = net_.add(layer, "residual", x, attended);
    const Value inner = net_.linear(layer + ".fc1", norm(layer + ".final_layer_norm", x));
    return net_.add(layer, "output", x, net_.linear(layer + ".fc2", net_.relu(layer, inner)));
  }

 private:
  Value attention(const std::string& module, Value x) {
    const Value q = net_.linear(module + ".q_proj", x);
    const Value k = net_.linear(module + ".k_proj", x);
    const Value v = net_.linear(module + ".v_proj", x);
    return net_.linear(module + ".out_proj",
                       net_.attention(module, q, k, v, {.head_dim = model_.head_dim}));
  }

  Graph& net_;
  const ModelDescription& model_;
};

}  // namespace

Value opt(Graph& net, const ModelDescription& model) {
  const std::string decoder = "model.decoder", embedding = decoder + ".embed_tokens";
  Blocks blocks(net, model);
  const Value words = net.embedding(embedding, net.tokens(), model.padding_row());
  const Value places =
      net.embedding(decoder + ".embed_positions", net.positions(model.count("first_position")));
  Value x = net.add(decoder, "embeddings", words, places);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i)
    x = blocks.block(decoder + ".layers." + std::to_string(i), x);
  return net.linear("lm_head", blocks.norm(decoder + ".final_layer_norm", x),
                    model.tie_word_embeddings ? embedding + ".weight" : "lm_head.weight");
}

}  // namespace shardproof::reference
