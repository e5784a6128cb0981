#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"

namespace shardproof::reference {

// DeepSeek-V2: DeepSeek-AI 2024, arXiv:2405.04434. Keys and values come from a latent vector;
// experts from layer first_k_dense_replace on, some of them shared by all tokens.

namespace {

// The norms of latent vectors do not take rms_norm_eps (modeling_deepseek_v2.py).
constexpr double latent_eps = 1e-6;

Value queries(Graph& net, const ModelDescription& model, const std::string& module, Value x) {
  if (model.count("q_lora_rank") == 0) return net.linear(module + ".q_proj", x);
  const Value latent = net.linear(module + ".q_a_proj", x);
  return net.linear(module + ".q_b_proj",
                    net.rms_norm(module + ".q_a_layernorm", latent, latent_eps));
}

// Section 2.1: every head has features that positions turn beside others that they do not; the
// keys' turned features are one vector for all heads.
Value attention(Graph& net, const ModelDescription& model, const Rotary& tables,
                const std::string& module, Value x) {
  const std::int64_t plain = model.count("qk_nope_head_dim"),
                     turned = model.count("qk_rope_head_dim");
  const std::int64_t of_value = model.count("v_head_dim");
  const auto turn = [&](const std::string& role, Value part) {
    return net.rotary(module, role, part, tables,
                      {.head_dim = turned, .pairing = RotaryPairing::interleaved});
  };

  const std::vector<Value> q = net.split(module, {"query_nope", "query_rope"},
                                         queries(net, model, module, x), {plain, turned});
  const std::vector<Value> compressed =
      net.split(module, {"latent", "key_rope"}, net.linear(module + ".kv_a_proj_with_mqa", x),
                {model.count("kv_lora_rank"), turned});
  const Value latent = net.rms_norm(module + ".kv_a_layernorm", compressed[0], latent_eps);
  const std::vector<Value> kv = net.split(
      module, {"key_nope", "value"}, net.linear(module + ".kv_b_proj", latent), {plain, of_value});

  const Value turned_q = turn("query_rotated", q[1]);
  const Value turned_k = turn("key_rotated", compressed[1]);
  const Value every_k =
      net.repeat_heads(module + ".kv_b_proj", "key_rope", turned_k, model.num_attention_heads);
  const Value query = net.join(module, "query", {q[0], turned_q}, {plain, turned});
  const Value key = net.join(module, "key", {kv[0], every_k}, {plain, turned});
  const Value attended = net.attention(module, query, key, kv[1],
                                       {.head_dim = plain + turned, .v_head_dim = of_value});
  return net.linear(module + ".o_proj", attended);
}

// Section 2.2, with greedy choice.
Value experts(Graph& net, Decoder& decoder, const ModelDescription& model,
              const std::string& module, Value x) {
  const Value logits = net.linear(module + ".gate", x);
  const Routing routing = net.route(module, logits, model.count("num_experts_per_tok"),
                                    RouteForm::scaled, model.number("routed_scaling_factor"));
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
        return attention(net, model, decoder.rotary_tables(), layer + ".self_attn", x);
      },
      [&](const std::string& layer, Value x) {
        const std::string module = layer + ".mlp";
        return dense-- > 0 ? decoder.gated_mlp(module, x) : experts(net, decoder, model, module, x);
      });
}

}  // namespace shardproof::reference
