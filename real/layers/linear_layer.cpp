#include "real/layers/linear_layer.hpp"

namespace shardproof::real {

ValueId LinearLayer::forward(ValueId x) {
  x_ = x;
  const ValueId y = product(product_role(), x, laid_on(2, weight_cut()));
  return has_bias() ? with_bias("output", y) : y;
}

std::vector<ValueId> LinearLayer::backward(const std::vector<ValueId>& dy,
                                           const std::vector<std::string>& names) {
  const ValueId dx = names[0].empty() ? -1 : like(x_, names[0]);
  if (dx >= 0 && builder().tp() == 1) {
    input_gradient(dy[0], dx);
  } else if (dx >= 0) {
    // Each rank sees its own output features only: what they give back is a partial sum.
    const ValueId part = builder().activation("backward/" + module() + "/grad_input_partial",
                                              in_features(), partial());
    input_gradient(dy[0], part);
    builder().collective(OpKind::all_reduce, Axis::tp, module(), "backward", "all_reduce", part,
                         dx);
  }
  parameter_gradients(dy[0], x_);
  return {dx};
}

}  // namespace shardproof::real
