#include "real/layers/linear.hpp"

namespace shardproof::real {

AxisPlacement laid_on(int dim, const AxisPlacement& cut) {
  return cut.kind == AxisPlacement::Kind::shard ? shard(dim, cut.widths) : cut;
}

Linear::Linear(Site site, std::string weight)
    : Layer(std::move(site)),
      weight_(std::move(weight)),
      bias_(module() + ".bias"),
      has_bias_(builder().has_parameter(bias_)) {
  gradients().use(weight_);
  if (has_bias_) gradients().use(bias_);
}

ValueId Linear::product(const std::string& role, ValueId x, AxisPlacement tp) {
  const ValueId y = output(role, out_features(), std::move(tp));
  forward_op(OpKind::matmul, {x, weight()}, {y});
  return y;
}

ValueId Linear::with_bias(const std::string& role, ValueId product) {
  const ValueId y = like(product, "forward/" + module() + "/" + role);
  forward_op(OpKind::add_bias, {product, builder().parameter(bias_)}, {y});
  return y;
}

void Linear::input_gradient(ValueId dy, ValueId dx) {
  backward_op(OpKind::matmul_backward_input, {dy, weight()}, {dx});
}

void Linear::parameter_gradients(ValueId dy, ValueId x) {
  const ValueId grad_weight = gradients().tensor(module(), weight_);
  backward_op(OpKind::matmul_backward_weight, {dy, x}, {grad_weight});
  gradients().add(module(), weight_, grad_weight);
  if (!has_bias_) return;
  const ValueId grad_bias = gradients().tensor(module(), bias_);
  backward_op(OpKind::bias_backward, {dy}, {grad_bias});
  gradients().add(module(), bias_, grad_bias);
}

}  // namespace shardproof::real
