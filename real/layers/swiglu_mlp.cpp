#include "real/layers/swiglu_mlp.hpp"

namespace shardproof::real {

SwigluMlp::SwigluMlp(Builder& builder, const std::string& module)
    : module_(module),
      gate_proj_(builder, module + ".gate_proj", builder.model().mlp_bias),
      up_proj_(builder, module + ".up_proj", builder.model().mlp_bias),
      down_proj_(builder, module + ".down_proj", builder.model().mlp_bias) {}

ValueId SwigluMlp::forward(Builder& builder, ValueId x) {
  gate_ = gate_proj_.forward(builder, x);
  up_ = up_proj_.forward(builder, x);
  const ValueId activation = builder.activation("forward/" + module_ + "/activation",
                                                builder.model().intermediate_size, shard(2));
  builder.append(OpKind::swiglu, module_, "forward", "swiglu", {gate_, up_}, {activation});
  return down_proj_.forward(builder, activation);
}

ValueId SwigluMlp::backward(Builder& builder, ValueId dy, const std::string& grad_input_name) {
  const std::string folder = "backward/" + module_;
  const std::int64_t inner = builder.model().intermediate_size;
  const ValueId dactivation = down_proj_.backward(builder, dy, folder + "/grad_activation");
  const ValueId dgate = builder.activation(folder + ".gate_proj/grad_output", inner, shard(2));
  const ValueId dup = builder.activation(folder + ".up_proj/grad_output", inner, shard(2));
  builder.append(OpKind::swiglu_backward, module_, "backward", "swiglu_backward",
                 {dactivation, gate_, up_}, {dgate, dup});

  const ValueId from_up = up_proj_.backward(builder, dup);
  const ValueId from_gate = gate_proj_.backward(builder, dgate);
  const ValueId dx =
      builder.activation(grad_input_name, builder.value(from_gate).shape[2], replicate());
  builder.append(OpKind::add, module_, "backward", "fan_in", {from_up, from_gate}, {dx});
  return dx;
}

}  // namespace shardproof::real
