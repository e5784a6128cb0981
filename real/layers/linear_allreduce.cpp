#include "real/layers/linear_allreduce.hpp"

namespace shardproof::real {

ValueId LinearAllreduce::forward(ValueId x) {
  x_ = x;
  return sum_of_products(x);
}

std::vector<ValueId> LinearAllreduce::backward(const std::vector<ValueId>& dy,
                                               const std::vector<std::string>& names) {
  const ValueId dx = names[0].empty() ? -1 : like(x_, names[0]);
  if (dx >= 0) input_gradient(dy[0], dx);
  parameter_gradients(dy[0], x_);
  return {dx};
}

}  // namespace shardproof::real
