#include "real/models/decoder.hpp"
#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

// w1 is the gate, w3 up, w2 down.
ValueId expert(Network& net, const std::string& module, ValueId x) {
  const ValueId gate = net.linear(module + ".w1", x);
  const ValueId up = net.linear(module + ".w3", x);
  return net.linear(module + ".w2", net.swiglu(module, gate, up));
}

ValueId experts(Network& net, const std::string& module, ValueId x) {
  const RouteOptions options{.experts_per_token = net.model().count("num_experts_per_tok"),
                             .form = RouteForm::renormalized};
  const auto choice = net.route(module, net.linear(module + ".gate", x), options);
  std::vector<ValueId> rows = net.dispatch(
      module, x, choice, net.model().count("num_local_experts"), ExpertRows::by_choice);
  for (std::size_t e = 0; e < rows.size(); ++e)
    rows[e] = expert(net, module + ".experts." + std::to_string(e), rows[e]);
  return net.combine(module, "output", choice, rows, ExpertRows::by_choice);
}

}  // namespace

ValueId lower_mixtral(Network& net, ValueId tokens) {
  Decoder decoder(net);
  return decoder.logits(
      tokens,
      [&](const std::string& layer, ValueId x) {
        const std::string module = layer + ".self_attn";
        return decoder.attend(module, decoder.separate_projections(module, x));
      },
      [&](const std::string& layer, ValueId x) {
        return experts(net, layer + ".block_sparse_moe", x);
      });
}

}  // namespace shardproof::real
