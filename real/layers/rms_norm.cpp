#include "real/layers/rms_norm.hpp"

namespace shardproof::real {

Attributes RmsNorm::form() const {
  Attributes attributes = eps();
  if (offset_ != 0) attributes.emplace("offset", offset_);
  return attributes;
}

ValueId RmsNorm::forward(ValueId x) {
  x_ = x;
  const ValueId y = like(x, "forward/" + module() + "/output");
  forward_op(OpKind::rms_norm, {x, gradients().use(module() + ".weight")}, {y}, form());
  return y;
}

std::vector<ValueId> RmsNorm::backward(const std::vector<ValueId>& dy,
                                       const std::vector<std::string>& names) {
  const std::string weight = module() + ".weight";
  const ValueId dx = names[0].empty() ? -1 : like(x_, names[0]);
  if (dx >= 0)
    backward_op(OpKind::rms_norm_backward_input, {dy[0], x_, builder().parameter(weight)}, {dx},
                form());
  const ValueId gradient = gradients().tensor(module(), weight);
  backward_op(OpKind::rms_norm_backward_weight, {dy[0], x_}, {gradient}, eps());
  gradients().add(module(), weight, gradient);
  return {dx};
}

}  // namespace shardproof::real
