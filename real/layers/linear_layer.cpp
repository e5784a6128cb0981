#include "real/layers/linear_layer.hpp"

#include "real/layers/linear_gradients.hpp"

namespace shardproof::real {

LinearLayer::LinearLayer(Builder& builder, const std::string& module, bool bias)
    : module_(module), bias_(bias) {
  ShardedLayer layer{module, {module + ".weight"}};
  builder.declare_parameter(module + ".weight", shard(0));
  if (bias) {
    builder.declare_parameter(module + ".bias", shard(0));
    layer.parameters.push_back(module + ".bias");
  }
  builder.declare_sharded_layer(std::move(layer));
}

ValueId LinearLayer::forward(Builder& builder, ValueId x) {
  x_ = x;
  const ValueId weight = builder.parameter(module_ + ".weight");
  const std::int64_t features = builder.value(weight).shape[0];  // O
  const std::string folder = "forward/" + module_ + "/";

  const ValueId product =
      builder.activation(folder + (bias_ ? "product" : "output"), features, shard(2));
  builder.append(OpKind::matmul, module_, "forward", "matmul", {x, weight}, {product});
  if (!bias_) return product;

  const ValueId output = builder.activation(folder + "output", features, shard(2));
  builder.append(OpKind::add_bias, module_, "forward", "add_bias",
                 {product, builder.parameter(module_ + ".bias")}, {output});
  return output;
}

ValueId LinearLayer::backward(Builder& builder, ValueId dy) {
  const ValueId weight = builder.parameter(module_ + ".weight");
  const std::int64_t features = builder.value(weight).shape[1];  // I
  const std::string folder = "backward/" + module_ + "/";

  const ValueId grad_input = builder.activation(folder + "grad_input", features, replicate());
  if (builder.tp() == 1) {
    builder.append(OpKind::matmul_backward_input, module_, "backward", "matmul_backward_input",
                   {dy, weight}, {grad_input});
  } else {
    // Each rank sees its own output features only: what they give back is a partial sum.
    const ValueId part = builder.activation(folder + "grad_input_partial", features, partial());
    builder.append(OpKind::matmul_backward_input, module_, "backward", "matmul_backward_input",
                   {dy, weight}, {part});
    builder.collective(OpKind::all_reduce, Axis::tp, module_, "backward", "all_reduce", part,
                       grad_input);
  }

  lower_linear_gradients(builder, module_, bias_, dy, x_);
  return grad_input;
}

}  // namespace shardproof::real
