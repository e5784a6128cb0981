#include <cmath>

#include "reference/models/families.hpp"
#include "reference/models/latent_attention.hpp"

namespace shardproof::reference {

// DeepSeek-V3: DeepSeek-AI 2024, arXiv:2412.19437. DeepSeek-V2's attention; experts that sigmoids
// choose, from the best groups of them, by scores to which a bias is added for the choice alone.

namespace {

// transformers 4.57, models/deepseek_v3, to the last bit: where yarn names mscale_all_dim, scores
// are larger by the square of 0.1 mscale_all_dim ln(factor) + 1, if texts are longer at all.
double scale_of_scores(const ModelDescription& model) {
  if (!model.has_number("rope_scaling.mscale_all_dim")) return 0;
  const std::int64_t width = model.count("qk_nope_head_dim") + model.count("qk_rope_head_dim");
  const double scale = std::pow(static_cast<double>(width), -0.5);
  if (model.number("rope_scaling.factor") <= 1) return scale;
  const double amplitude = 0.1 * model.number("rope_scaling.mscale_all_dim") *
                               std::log(model.number("rope_scaling.factor")) +
                           1;
  return scale * amplitude * amplitude;
}

// Section 2.1.2.
Value experts(Graph& net, Decoder& decoder, const ModelDescription& model,
              const std::string& module, Value x) {
  const bool shares = model.flag("norm_topk_prob");
  const RoutingRule rule{
      .experts_per_token = model.count("num_experts_per_tok"),
      .form = shares ? RouteForm::score_shares : RouteForm::scores,
      .factor = model.number("routed_scaling_factor"),
      .groups = {.count = model.count("n_group"), .kept = model.count("topk_group")}};
  const Value scores = net.sigmoid(module, "scores", net.linear(module + ".gate", x));
  const Routing routing = net.route(module, scores, rule, module + ".gate.e_score_correction_bias");
  const std::vector<Value> tokens =
      net.dispatch(module, x, routing, model.count("n_routed_experts"), ExpertRows::by_token);
  std::vector<Value> results;
  for (std::size_t e = 0; e < tokens.size(); ++e)
    results.push_back(decoder.gated_mlp(module + ".experts." + std::to_string(e), tokens[e]));
  const Value routed = net.combine(module, "routed", routing, results, ExpertRows::by_token);
  return net.add(module, "output", routed, decoder.gated_mlp(module + ".shared_experts", x));
}

}  // namespace

Value deepseek_v3(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  const bool pairs_are_neighbours = model.flag("rope_interleave");
  const LatentForm form{
      .pairing = pairs_are_neighbours ? RotaryPairing::interleaved : RotaryPairing::half,
      .scale = scale_of_scores(model)};
  std::int64_t dense = model.count("first_k_dense_replace");
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        return latent_attention(net, model, decoder.rotary_tables(), layer + ".self_attn", x, form);
      },
      [&](const std::string& layer, Value x) {
        const std::string module = layer + ".mlp";
        return dense-- > 0 ? decoder.gated_mlp(module, x) : experts(net, decoder, model, module, x);
      });
}

}  // namespace shardproof::reference
