#include "real/models/decoder.hpp"
#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

constexpr double latent_eps = 1e-6;  // whatever rms_norm_eps is

ValueId project_queries(Network& net, const std::string& module, ValueId x) {
  if (net.model().count("q_lora_rank") == 0) return net.linear(module + ".q_proj", x);
  x = net.rms_norm(module + ".q_a_layernorm", net.linear(module + ".q_a_proj", x), latent_eps);
  return net.linear(module + ".q_b_proj", x);
}

// Of each head `nope` features that stay as they are and `rope` that are rotated; the rotated ones
// of the keys are the same for all heads.
ValueId latent_attention(Network& net, const Decoder& decoder, const std::string& module,
                         ValueId x) {
  const ModelDescription& model = net.model();
  const std::int64_t nope = model.count("qk_nope_head_dim"), rope = model.count("qk_rope_head_dim");
  const std::int64_t v_width = model.count("v_head_dim"), heads = model.num_attention_heads;
  const RotaryForm turn{.head_dim = rope, .pairing = RotaryPairing::interleaved};

  const std::vector<ValueId> query = net.split(module, {"query_nope", "query_rope"},
                                               project_queries(net, module, x), {nope, rope});

  const std::vector<ValueId> shared =
      net.split(module, {"latent", "key_rope"}, net.linear(module + ".kv_a_proj_with_mqa", x),
                {model.count("kv_lora_rank"), rope});
  const ValueId latent = net.rms_norm(module + ".kv_a_layernorm", shared[0], latent_eps);
  const std::vector<ValueId> key_value = net.split(
      module, {"key_nope", "value"}, net.linear(module + ".kv_b_proj", latent), {nope, v_width});

  const ValueId query_rope = net.rotary(module, "query", query[1], decoder.rotary_table(), turn);
  const ValueId key_rope = net.rotary(module, "key", shared[1], decoder.rotary_table(), turn);
  const ValueId of_all_heads = net.repeat_heads(module + ".kv_b_proj", "key_rope", key_rope, heads);
  const ValueId queries = net.join(module, "query", {query[0], query_rope}, {nope, rope});
  const ValueId keys = net.join(module, "key", {key_value[0], of_all_heads}, {nope, rope});
  const ValueId attended = net.attention(module, queries, keys, key_value[1],
                                         {.head_dim = nope + rope, .v_head_dim = v_width});
  return net.linear(module + ".o_proj", attended);
}

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
