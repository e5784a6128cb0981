#include "real/models/latent_attention.hpp"

namespace shardproof::real {

namespace {

constexpr double latent_eps = 1e-6;  // whatever rms_norm_eps is

ValueId project_queries(Network& net, const std::string& module, ValueId x) {
  if (net.model().count("q_lora_rank") == 0) return net.linear(module + ".q_proj", x);
  x = net.rms_norm(module + ".q_a_layernorm", net.linear(module + ".q_a_proj", x), latent_eps);
  return net.linear(module + ".q_b_proj", x);
}

}  // namespace

ValueId latent_attention(Network& net, const Decoder& decoder, const std::string& module, ValueId x,
                         const LatentForm& form) {
  const ModelDescription& model = net.model();
  const std::int64_t nope = model.count("qk_nope_head_dim"), rope = model.count("qk_rope_head_dim");
  const std::int64_t v_width = model.count("v_head_dim"), heads = model.num_attention_heads;
  const RotaryForm turn{.head_dim = rope, .pairing = form.pairing};

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
  const ValueId attended =
      net.attention(module, queries, keys, key_value[1],
                    {.head_dim = nope + rope, .v_head_dim = v_width, .scale = form.score_scale});
  return net.linear(module + ".o_proj", attended);
}

}  // namespace shardproof::real
