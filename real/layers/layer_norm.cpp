#include "real/layers/layer_norm.hpp"

namespace shardproof::real {

ValueId LayerNorm::forward(ValueId x) {
  x_ = x;
  const ValueId y = like(x, "forward/" + module() + "/output");
  forward_op(OpKind::layer_norm, {x, gradients().use(weight()), gradients().use(bias())}, {y},
             eps());
  return y;
}

std::vector<ValueId> LayerNorm::backward(const std::vector<ValueId>& dy,
                                         const std::vector<std::string>& names) {
  const ValueId dx = names[0].empty() ? -1 : like(x_, names[0]);
  if (dx >= 0)
    backward_op(OpKind::layer_norm_backward_input, {dy[0], x_, builder().parameter(weight())}, {dx},
                eps());
  const ValueId grad_weight = gradients().tensor(module(), weight());
  backward_op(OpKind::layer_norm_backward_weight, {dy[0], x_}, {grad_weight}, eps());
  gradients().add(module(), weight(), grad_weight);
  const ValueId grad_bias = gradients().tensor(module(), bias());
  backward_op(OpKind::bias_backward, {dy[0]}, {grad_bias});
  gradients().add(module(), bias(), grad_bias);
  return {dx};
}

}  // namespace shardproof::real
