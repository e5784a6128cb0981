#include "reference/models/latent_attention.hpp"

namespace shardproof::reference {

namespace {

// The norms of latent vectors do not take rms_norm_eps (modeling_deepseek_v2.py).
constexpr double latent_eps = 1e-6;

Value queries(Graph& net, const ModelDescription& model, const std::string& module, Value x) {
  if (model.count("q_lora_rank") == 0) return net.linear(module + ".q_proj", x);
  const Value latent = net.linear(module + ".q_a_proj", x);
  return net.linear(module + ".q_b_proj",
                    net.rms_norm(module + ".q_a_layernorm", latent, latent_eps));
}

}  // namespace

Value latent_attention(Graph& net, const ModelDescription& model, const Rotary& tables,
                       const std::string& module, Value x, const LatentForm& form) {
  const std::int64_t plain = model.count("qk_nope_head_dim"),
                     turned = model.count("qk_rope_head_dim");
  const std::int64_t of_value = model.count("v_head_dim");
  const auto turn = [&](const std::string& role, Value part) {
    return net.rotary(module, role, part, tables, {.head_dim = turned, .pairing = form.pairing});
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
  const Value attended =
      net.attention(module, query, key, kv[1],
                    {.head_dim = plain + turned, .v_head_dim = of_value, .scale = form.scale});
  return net.linear(module + ".o_proj", attended);
}

}  // namespace shardproof::reference
