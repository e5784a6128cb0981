#include "real/layers/linear_allreduce.hpp"

#include "real/layers/linear_gradients.hpp"

namespace shardproof::real {

LinearAllreduce::LinearAllreduce(Builder& builder, const std::string& module, bool bias)
    : module_(module), bias_(bias) {
  builder.declare_parameter(module + ".weight", shard(1));
  if (bias) builder.declare_parameter(module + ".bias", replicate());
  builder.declare_sharded_layer({module, {module + ".weight"}});
}

ValueId LinearAllreduce::forward(Builder& builder, ValueId x) {
  x_ = x;
  const ValueId weight = builder.parameter(module_ + ".weight");
  const std::int64_t features = builder.value(weight).shape[0];  // O
  const std::string folder = "forward/" + module_ + "/";

  const ValueId product =
      builder.activation(folder + (bias_ ? "product" : "output"), features, replicate());
  if (builder.tp() == 1) {
    builder.append(OpKind::matmul, module_, "forward", "matmul", {x, weight}, {product});
  } else {
    const ValueId part = builder.activation(folder + "partial", features, partial());
    builder.append(OpKind::matmul, module_, "forward", "matmul", {x, weight}, {part});
    builder.collective(OpKind::all_reduce, Axis::tp, module_, "forward", "all_reduce", part,
                       product);
  }
  if (!bias_) return product;

  // After the reduction: before it, the sum would hold the bias once for every rank.
  const ValueId output = builder.activation(folder + "output", features, replicate());
  builder.append(OpKind::add_bias, module_, "forward", "add_bias",
                 {product, builder.parameter(module_ + ".bias")}, {output});
  return output;
}

ValueId LinearAllreduce::backward(Builder& builder, ValueId dy,
                                  const std::string& grad_input_name) {
  const ValueId weight = builder.parameter(module_ + ".weight");
  const std::int64_t features = builder.value(weight).shape[1];  // I
  const ValueId grad_input = builder.activation(grad_input_name, features, shard(2));
  builder.append(OpKind::matmul_backward_input, module_, "backward", "matmul_backward_input",
                 {dy, weight}, {grad_input});

  lower_linear_gradients(builder, module_, bias_, dy, x_);
  return grad_input;
}

}  // namespace shardproof::real
