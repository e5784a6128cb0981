#include "real/layers/sigmoid.hpp"

namespace shardproof::real {

ValueId Sigmoid::forward(const std::string& role, ValueId x) {
  x_ = x;
  const ValueId y = like(x, "forward/" + module() + "/" + role);
  forward_op(OpKind::sigmoid, {x}, {y});
  return y;
}

std::vector<ValueId> Sigmoid::backward(const std::vector<ValueId>& dy,
                                       const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  backward_op(OpKind::sigmoid_backward, {dy[0], x_}, {dx});
  return {dx};
}

}  // namespace shardproof::real
