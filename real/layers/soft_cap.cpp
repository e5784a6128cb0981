#include "real/layers/soft_cap.hpp"

namespace shardproof::real {

ValueId SoftCap::forward(const std::string& role, ValueId x) {
  x_ = x;
  const ValueId y = like(x, "forward/" + module() + "/" + role);
  forward_op(OpKind::soft_cap, {x}, {y}, cap());
  return y;
}

std::vector<ValueId> SoftCap::backward(const std::vector<ValueId>& dy,
                                       const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  backward_op(OpKind::soft_cap_backward, {dy[0], x_}, {dx}, cap());
  return {dx};
}

}  // namespace shardproof::real
