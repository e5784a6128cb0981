#include "real/models/decoder.hpp"
#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

ValueId experts(Network& net, Decoder& decoder, const std::string& module, ValueId x) {
  const ModelDescription& model = net.model();
  const RouteOptions options{
      .experts_per_token = model.count("num_experts_per_tok"),
      .form = model.flag("norm_topk_prob") ? RouteForm::renormalized : RouteForm::scaled};
  const auto choice = net.route(module, net.linear(module + ".gate", x), options);
  std::vector<ValueId> rows =
      net.dispatch(module, x, choice, model.count("num_experts"), ExpertRows::by_choice);
  for (std::size_t e = 0; e < rows.size(); ++e)
    rows[e] = decoder.gated_mlp(module + ".experts." + std::to_string(e), rows[e]);
  return net.combine(module, "output", choice, rows, ExpertRows::by_choice);
}

}  // namespace

ValueId lower_qwen3_moe(Network& net, ValueId tokens) {
  Decoder decoder(net);
  return decoder.logits(
      tokens,
      [&](const std::string& layer, ValueId x) {
        const std::string module = layer + ".self_attn";
        return decoder.attend(module, decoder.normed_projections(module, x));
      },
      [&](const std::string& layer, ValueId x) {
        const std::string module = layer + ".mlp";
        return net.model().has_parameter(module + ".gate.weight") ? experts(net, decoder, module, x)
                                                                  : decoder.gated_mlp(module, x);
      });
}

}  // namespace shardproof::real
