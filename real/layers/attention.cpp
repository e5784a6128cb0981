#include "real/layers/attention.hpp"

namespace shardproof::real {

RotaryTable lower_rotary_table(Builder& builder) {
  const Shape shape{builder.scenario().data.sequence, builder.model().head_dim / 2};
  const auto table = [&](const std::string& name) {
    return builder.add_value({.name = "data/rotary_" + name,
                              .shape = shape,
                              .dtype = builder.policy().working,
                              .placement = {},
                              .lifetime = Lifetime::state});
  };
  const RotaryTable result{table("cos"), table("sin")};
  builder.append(OpKind::rotary_table, "model.rotary_emb", "data", "rotary_table", {},
                 {result.cos, result.sin}, {{"theta", builder.model().rope_theta}});
  return result;
}

Attention::Attention(Builder& builder, const std::string& module)
    : module_(module),
      q_proj_(builder, module + ".q_proj", builder.model().attention_bias),
      k_proj_(builder, module + ".k_proj", builder.model().attention_bias),
      v_proj_(builder, module + ".v_proj", builder.model().attention_bias),
      o_proj_(builder, module + ".o_proj", builder.model().attention_bias) {}

ValueId Attention::rotate(Builder& builder, ValueId x, const std::string& what) {
  const ValueId y = builder.activation("forward/" + module_ + "/" + what + "_rotated",
                                       builder.value(x).shape[2], shard(2));
  builder.append(OpKind::rotary, module_, "forward", "rotary_" + what, {x, table_.cos, table_.sin},
                 {y});
  return y;
}

ValueId Attention::forward(Builder& builder, ValueId x, RotaryTable table) {
  const ModelDescription& model = builder.model();
  table_ = table;
  const ValueId q = q_proj_.forward(builder, x);
  const ValueId k = k_proj_.forward(builder, x);
  v_ = v_proj_.forward(builder, x);
  q_ = rotate(builder, q, "query");
  k_ = rotate(builder, k, "key");

  out_ = builder.activation("forward/" + module_ + "/attention",
                            model.num_attention_heads * model.head_dim, shard(2));
  const Shape& batch = builder.value(x).shape;  // (D * B, T, C)
  lse_ = builder.add_value({.name = "forward/" + module_ + "/lse",
                            .shape = {batch[0], model.num_attention_heads, batch[1]},
                            .dtype = builder.policy().compute,
                            .placement = {shard(1), shard(0)}});
  builder.append(OpKind::attention, module_, "forward", "attention", {q_, k_, v_}, {out_, lse_},
                 {{"head_dim", model.head_dim}});
  return o_proj_.forward(builder, out_);
}

ValueId Attention::rotate_back(Builder& builder, ValueId dy, const std::string& what,
                               const std::string& projection) {
  const ValueId dx = builder.activation("backward/" + module_ + "." + projection + "/grad_output",
                                        builder.value(dy).shape[2], shard(2));
  builder.append(OpKind::rotary_backward, module_, "backward", "rotary_backward_" + what,
                 {dy, table_.cos, table_.sin}, {dx});
  return dx;
}

ValueId Attention::backward(Builder& builder, ValueId dy, const std::string& grad_input_name) {
  const std::string folder = "backward/" + module_ + "/";
  const std::int64_t query = builder.value(q_).shape[2];
  const std::int64_t key = builder.value(k_).shape[2];
  const ValueId dout = o_proj_.backward(builder, dy, folder + "grad_attention");

  const ValueId dq = builder.activation(folder + "grad_query_rotated", query, shard(2));
  const ValueId dk = builder.activation(folder + "grad_key_rotated", key, shard(2));
  const ValueId dv =
      builder.activation("backward/" + module_ + ".v_proj/grad_output", key, shard(2));
  builder.append(OpKind::attention_backward, module_, "backward", "attention_backward",
                 {dout, q_, k_, v_, out_, lse_}, {dq, dk, dv},
                 {{"head_dim", builder.model().head_dim}});

  const ValueId dk_projected = rotate_back(builder, dk, "key", "k_proj");
  const ValueId dq_projected = rotate_back(builder, dq, "query", "q_proj");
  const ValueId from_v = v_proj_.backward(builder, dv);
  const ValueId from_k = k_proj_.backward(builder, dk_projected);
  const ValueId from_q = q_proj_.backward(builder, dq_projected);

  // Contributions to one gradient are added in the order in which backward meets them.
  const std::int64_t features = builder.value(from_q).shape[2];
  const ValueId vk = builder.activation(grad_input_name + "_sum_1", features, replicate());
  builder.append(OpKind::add, module_, "backward", "fan_in_1", {from_v, from_k}, {vk});
  const ValueId dx = builder.activation(grad_input_name, features, replicate());
  builder.append(OpKind::add, module_, "backward", "fan_in_2", {vk, from_q}, {dx});
  return dx;
}

}  // namespace shardproof::real
