#include <cmath>

#include "real/models/families.hpp"
#include "real/models/latent_attention.hpp"

namespace shardproof::real {

namespace {

// Longer texts make scores larger, as yarn's mscale_all_dim says. In transformers' order of
// operations, because the policy holds the two wings' scales to one number.
double score_scale(const ModelDescription& model) {
  if (!model.has_number("rope_scaling.mscale_all_dim")) return 0;
  const double factor = model.number("rope_scaling.factor");
  const double weight = model.number("rope_scaling.mscale_all_dim");
  const double growth = factor > 1 ? 0.1 * weight * std::log(factor) + 1 : 1;
  const auto width = static_cast<double>(model.count("qk_nope_head_dim") + model.head_dim);
  return std::pow(width, -0.5) * growth * growth;
}

LatentForm attention_of(const ModelDescription& model) {
  return {
      .pairing = model.flag("rope_interleave") ? RotaryPairing::interleaved : RotaryPairing::half,
      .score_scale = score_scale(model)};
}

RouteOptions routing_of(const ModelDescription& model, const std::string& module) {
  return {.experts_per_token = model.count("num_experts_per_tok"),
          .form = model.flag("norm_topk_prob") ? RouteForm::score_shares : RouteForm::scores,
          .factor = model.number("routed_scaling_factor"),
          .groups = {.count = model.count("n_group"), .kept = model.count("topk_group")},
          .correction = module + ".gate.e_score_correction_bias"};
}

ValueId experts(Network& net, Decoder& decoder, const std::string& module, ValueId x) {
  const ModelDescription& model = net.model();
  const ValueId scores = net.sigmoid(module, "scores", net.linear(module + ".gate", x));
  const auto choice = net.route(module, scores, routing_of(model, module));
  std::vector<ValueId> rows =
      net.dispatch(module, x, choice, model.count("n_routed_experts"), ExpertRows::by_token);
  for (std::size_t e = 0; e < rows.size(); ++e)
    rows[e] = decoder.gated_mlp(module + ".experts." + std::to_string(e), rows[e]);
  const ValueId routed = net.combine(module, "routed", choice, rows, ExpertRows::by_token);
  return net.add(module, "output", routed, decoder.gated_mlp(module + ".shared_experts", x));
}

}  // namespace

ValueId lower_deepseek_v3(Network& net, ValueId tokens) {
  Decoder decoder(net);
  return decoder.logits(
      tokens,
      [&](const std::string& layer, ValueId x) {
        return latent_attention(net, decoder, layer + ".self_attn", x, attention_of(net.model()));
      },
      [&](const std::string& layer, ValueId x) {
        const std::string module = layer + ".mlp";
        return net.model().has_parameter(module + ".gate.weight") ? experts(net, decoder, module, x)
                                                                  : decoder.gated_mlp(module, x);
      });
}

}  // namespace shardproof::real
