#include "real/layers/scaled.hpp"

namespace shardproof::real {

ValueId Scaled::forward(const std::string& role, ValueId x) {
  x_ = x;
  const ValueId y = like(x, "forward/" + module() + "/" + role);
  forward_op(OpKind::scale, {x}, {y}, factor());
  return y;
}

std::vector<ValueId> Scaled::backward(const std::vector<ValueId>& dy,
                                      const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  backward_op(OpKind::scale, {dy[0]}, {dx}, factor());
  return {dx};
}

}  // namespace shardproof::real
