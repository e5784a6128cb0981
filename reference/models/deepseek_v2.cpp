#include "reference/models/families.hpp"
#include "reference/models/latent_attention.hpp"

namespace shardproof::reference {

// DeepSeek-V2: DeepSeek-AI 2024, arXiv:2405.04434. Keys and values come from a latent vector;
// experts from layer first_k_dense_replace on, some of them shared by all tokens.

namespace {

// Section 2.2, with greedy choice.
Value experts(Graph& net, Decoder& decoder, const ModelDescription& model,
              const std::string& module, Value x) {
  const Value logits = net.linear(module + ".gate", x);
  const Routing routing = net.route(module, logits,
                                    {.experts_per_token = model.count("num_experts_per_tok"),
                                     .form = RouteForm::scaled,
                                     .factor = model.number("routed_scaling_factor")});
  const std::vector<Value> tokens =
      net.dispatch(module, x, routing, model.count("n_routed_experts"), ExpertRows::by_token);
  std::vector<Value> results;
  for (std::size_t e = 0; e < tokens.size(); ++e)
    results.push_back(decoder.gated_mlp(module + ".experts." + std::to_string(e), tokens[e]));
  const bool shares = model.count("n_shared_experts") > 0;
  const Value routed =
      net.combine(module, shares ? "routed" : "output", routing, results, ExpertRows::by_token);
  if (!shares) return routed;
  return net.add(module, "output", routed, decoder.gated_mlp(module + ".shared_experts", x));
}

}  // namespace

Value deepseek_v2(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  std::int64_t dense = model.count("first_k_dense_replace");
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        return latent_attention(net, model, decoder.rotary_tables(), layer + ".self_attn", x);
      },
      [&](const std::string& layer, Value x) {
        const std::string module = layer + ".mlp";
        return dense-- > 0 ? decoder.gated_mlp(module, x) : experts(net, decoder, model, module, x);
      });
}

}  // namespace shardproof::reference
