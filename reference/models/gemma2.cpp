#include <cmath>

#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"
#include "scenarios/dtype.hpp"

namespace shardproof::reference {

// Gemma 2: Gemma Team 2024, arXiv:2408.00118. Norms before and after each half of a block, whose
// weights count from one; embeddings times sqrt(C); scores and logits with a cap; every other layer
// looks back over a window; the gate is a GELU.

namespace {

class Blocks {
 public:
  Blocks(Graph& net, const ModelDescription& model)
      : net_(net), model_(model), decoder_(net, model) {}

  Value norm(const std::string& module, Value x) {
    return net_.rms_norm(module, x, model_.rms_norm_eps, model_.number("rms_norm_offset"));
  }

  Value block(std::int64_t index, Value x) {
    const std::string layer = "model.layers." + std::to_string(index);
    const Value attended =
        attention(layer + ".self_attn", norm(layer + ".input_layernorm", x), index % 2 == 0);
    x = net_.add(layer, "residual", x, norm(layer + ".post_attention_layernorm", attended));
    const Value activated = mlp(layer + ".mlp", norm(layer + ".pre_feedforward_layernorm", x));
    return net_.add(layer, "output", x, norm(layer + ".post_feedforward_layernorm", activated));
  }

 private:
  Value attention(const std::string& module, Value x, bool slides) {
    const auto [q, k, v] = decoder_.separate_projections(module, x);
    const Value query = net_.rotary(module, "query_rotated", q, decoder_.rotary_tables());
    const Value key = net_.rotary(module, "key_rotated", k, decoder_.rotary_tables());
    const AttentionForm form{.head_dim = model_.head_dim,
                             .scale = 1 / std::sqrt(model_.number("query_pre_attn_scalar")),
                             .window = slides ? model_.count("sliding_window") : 0,
                             .cap = model_.number("attn_logit_softcapping")};
    return net_.linear(module + ".o_proj", net_.attention(module, query, key, v, form));
  }

  Value mlp(const std::string& module, Value x) {
    const Value gate = net_.linear(module + ".gate_proj", x);
    const Value up = net_.linear(module + ".up_proj", x);
    const Value activated = net_.gelu(module, gate, GeluForm::tanh);
    return net_.linear(module + ".down_proj", net_.product(module, "gated", activated, up));
  }

  Graph& net_;
  const ModelDescription& model_;
  Decoder decoder_;
};

}  // namespace

Value gemma2(Graph& net, const ModelDescription& model) {
  Blocks blocks(net, model);
  // A number of the working dtype, as the published code makes it.
  const double root =
      round_to(net.micro_batch().working, std::sqrt(static_cast<double>(model.hidden_size)));
  Value x = net.embedding("model.embed_tokens", net.tokens(), model.padding_row());
  x = net.scaled("model.embed_tokens", "scaled", x, root);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) x = blocks.block(i, x);
  const bool tied = model.tie_word_embeddings;
  const Value logits = net.linear("lm_head", blocks.norm("model.norm", x),
                                  tied ? "model.embed_tokens.weight" : "lm_head.weight");
  const double cap = model.number("final_logit_softcapping");
  return cap > 0 ? net.soft_cap("lm_head", "capped", logits, cap) : logits;
}

}  // namespace shardproof::reference
