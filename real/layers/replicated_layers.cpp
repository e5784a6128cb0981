#include "real/layers/replicated_layers.hpp"

#include "real/layers/linear_gradients.hpp"

namespace shardproof::real {

Embedding::Embedding(Builder& builder, const std::string& module) : module_(module) {
  builder.declare_parameter(module + ".weight", replicate());
}

ValueId Embedding::forward(Builder& builder, ValueId tokens) {
  tokens_ = tokens;
  const ValueId weight = builder.parameter(module_ + ".weight");
  const ValueId y = builder.activation("forward/" + module_ + "/output",
                                       builder.value(weight).shape[1], replicate());
  builder.append(OpKind::embedding, module_, "forward", "embedding", {weight, tokens}, {y});
  return y;
}

void Embedding::backward(Builder& builder, ValueId dy) {
  const ValueId gradient = builder.gradient(module_ + ".weight");
  builder.append(OpKind::embedding_backward, module_, "backward", "embedding_backward",
                 {dy, tokens_}, {gradient});
  builder.accumulate(module_ + ".weight", gradient);
}

RmsNorm::RmsNorm(Builder& builder, const std::string& module) : module_(module) {
  builder.declare_parameter(module + ".weight", replicate());
}

ValueId RmsNorm::forward(Builder& builder, ValueId x) {
  x_ = x;
  const ValueId y = builder.activation("forward/" + module_ + "/output",
                                       builder.model().hidden_size, replicate());
  builder.append(OpKind::rms_norm, module_, "forward", "rms_norm",
                 {x, builder.parameter(module_ + ".weight")}, {y},
                 {{"eps", builder.model().rms_norm_eps}});
  return y;
}

ValueId RmsNorm::backward(Builder& builder, ValueId dy, const std::string& grad_input_name) {
  const std::string weight = module_ + ".weight";
  const ValueId dx = builder.activation(
      grad_input_name.empty() ? "backward/" + module_ + "/grad_input" : grad_input_name,
      builder.model().hidden_size, replicate());
  const Attributes eps{{"eps", builder.model().rms_norm_eps}};
  builder.append(OpKind::rms_norm_backward_input, module_, "backward", "rms_norm_backward_input",
                 {dy, x_, builder.parameter(weight)}, {dx}, eps);
  const ValueId gradient = builder.gradient(weight);
  builder.append(OpKind::rms_norm_backward_weight, module_, "backward", "rms_norm_backward_weight",
                 {dy, x_}, {gradient}, eps);
  builder.accumulate(weight, gradient);
  return dx;
}

LmHead::LmHead(Builder& builder, const std::string& module) : module_(module) {
  builder.declare_parameter(module + ".weight", replicate());
}

ValueId LmHead::forward(Builder& builder, ValueId x) {
  x_ = x;
  const ValueId weight = builder.parameter(module_ + ".weight");
  const ValueId logits = builder.activation("forward/" + module_ + "/output",
                                            builder.value(weight).shape[0], replicate());
  builder.append(OpKind::matmul, module_, "forward", "matmul", {x, weight}, {logits});
  return logits;
}

ValueId LmHead::backward(Builder& builder, ValueId dy, const std::string& grad_input_name) {
  const ValueId dx = builder.activation(grad_input_name, builder.model().hidden_size, replicate());
  builder.append(OpKind::matmul_backward_input, module_, "backward", "matmul_backward_input",
                 {dy, builder.parameter(module_ + ".weight")}, {dx});
  lower_linear_gradients(builder, module_, /*bias=*/false, dy, x_);
  return dx;
}

}  // namespace shardproof::real
