#include "real/layers/replicated_linear.hpp"

namespace shardproof::real {

ValueId ReplicatedLinear::forward(ValueId x) {
  x_ = x;
  const ValueId y = product(product_role(), x, value(x).placement.tp);
  return has_bias() ? with_bias("output", y) : y;
}

std::vector<ValueId> ReplicatedLinear::backward(const std::vector<ValueId>& dy,
                                                const std::vector<std::string>& names) {
  const ValueId dx = names[0].empty() ? -1 : like(x_, names[0]);
  if (dx >= 0) input_gradient(dy[0], dx);
  parameter_gradients(dy[0], x_);
  return {dx};
}

}  // namespace shardproof::real
