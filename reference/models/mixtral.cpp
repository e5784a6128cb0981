#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"

namespace shardproof::reference {

// Mixtral: Jiang et al. 2024, arXiv:2401.04088. Mistral whose MLPs are experts, of which a router
// chooses some for each token.

namespace {

// w2 (silu(w1 x) * w3 x)
Value expert(Graph& net, const std::string& module, Value x) {
  const Value gate = net.linear(module + ".w1", x);
  const Value up = net.linear(module + ".w3", x);
  return net.linear(module + ".w2", net.swiglu(module, gate, up));
}

Value experts(Graph& net, const ModelDescription& model, const std::string& module, Value x) {
  const Value logits = net.linear(module + ".gate", x);
  const Routing routing =
      net.route(module, logits, {.experts_per_token = model.count("num_experts_per_tok")});
  const std::vector<Value> tokens =
      net.dispatch(module, x, routing, model.count("num_local_experts"), ExpertRows::by_choice);
  std::vector<Value> results;
  for (std::size_t e = 0; e < tokens.size(); ++e)
    results.push_back(expert(net, module + ".experts." + std::to_string(e), tokens[e]));
  return net.combine(module, "output", routing, results, ExpertRows::by_choice);
}

}  // namespace

Value mixtral(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        const std::string attention = layer + ".self_attn";
        return decoder.attend(attention, decoder.separate_projections(attention, x));
      },
      [&](const std::string& layer, Value x) {
        return experts(net, model, layer + ".block_sparse_moe", x);
      });
}

}  // namespace shardproof::reference
