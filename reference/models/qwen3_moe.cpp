#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"

namespace shardproof::reference {

// Qwen3's models of experts: Yang et al. 2025, arXiv:2505.09388. Every decoder_sparse_step-th layer
// has experts instead of an MLP, without shared ones.

namespace {

Value experts(Graph& net, Decoder& decoder, const ModelDescription& model,
              const std::string& module, Value x) {
  const RouteForm form = model.flag("norm_topk_prob") ? RouteForm::renormalized : RouteForm::scaled;
  const Value logits = net.linear(module + ".gate", x);
  const Routing routing = net.route(
      module, logits, {.experts_per_token = model.count("num_experts_per_tok"), .form = form});
  const std::vector<Value> tokens =
      net.dispatch(module, x, routing, model.count("num_experts"), ExpertRows::by_choice);
  std::vector<Value> results;
  for (std::size_t e = 0; e < tokens.size(); ++e)
    results.push_back(decoder.gated_mlp(module + ".experts." + std::to_string(e), tokens[e]));
  return net.combine(module, "output", routing, results, ExpertRows::by_choice);
}

}  // namespace

Value qwen3_moe(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  std::int64_t place = 0;
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        const std::string attention = layer + ".self_attn";
        return decoder.attend(attention, decoder.normed_projections(attention, x));
      },
      [&](const std::string& layer, Value x) {
        const bool sparse = ++place % model.count("decoder_sparse_step") == 0;
        const std::string module = layer + ".mlp";
        return sparse ? experts(net, decoder, model, module, x) : decoder.gated_mlp(module, x);
      });
}

}  // namespace shardproof::reference
