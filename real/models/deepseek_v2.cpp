#include "real/models/families.hpp"
#include "real/models/latent_attention.hpp"

namespace shardproof::real {

namespace {

ValueId experts(Network& net, Decoder& decoder, const std::string& module, ValueId x) {
  const ModelDescription& model = net.model();
  const RouteOptions options{.experts_per_token = model.count("num_experts_per_tok"),
                             .form = RouteForm::scaled,
                             .factor = model.number("routed_scaling_factor")};
  const auto choice = net.route(module, net.linear(module + ".gate", x), options);
  std::vector<ValueId> rows =
      net.dispatch(module, x, choice, model.count("n_routed_experts"), ExpertRows::by_token);
  for (std::size_t e = 0; e < rows.size(); ++e)
    rows[e] = decoder.gated_mlp(module + ".experts." + std::to_string(e), rows[e]);
  if (model.count("n_shared_experts") == 0)
    return net.combine(module, "output", choice, rows, ExpertRows::by_token);
  const ValueId routed = net.combine(module, "routed", choice, rows, ExpertRows::by_token);
  return net.add(module, "output", routed, decoder.gated_mlp(module + ".shared_experts", x));
}

}  // namespace

ValueId lower_deepseek_v2(Network& net, ValueId tokens) {
  Decoder decoder(net);
  return decoder.logits(
      tokens,
      [&](const std::string& layer, ValueId x) {
        return latent_attention(net, decoder, layer + ".self_attn", x);
      },
      [&](const std::string& layer, ValueId x) {
        const std::string module = layer + ".mlp";
        return net.model().has_parameter(module + ".gate.weight") ? experts(net, decoder, module, x)
                                                                  : decoder.gated_mlp(module, x);
      });
}

}  // namespace shardproof::real
