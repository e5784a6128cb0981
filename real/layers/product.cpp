#include "real/layers/product.hpp"

namespace shardproof::real {

ValueId Product::forward(const std::string& role, ValueId a, ValueId b) {
  a_ = a, b_ = b;
  const ValueId y = like(a, "forward/" + module() + "/" + role);
  forward_op(OpKind::product, {a, b}, {y});
  return y;
}

std::vector<ValueId> Product::backward(const std::vector<ValueId>& dy,
                                       const std::vector<std::string>& names) {
  const std::vector<ValueId> gradients{like(a_, names[0]), like(b_, names[1])};
  backward_op(OpKind::product, {dy[0], b_}, {gradients[0]}, {}, "a");
  backward_op(OpKind::product, {dy[0], a_}, {gradients[1]}, {}, "b");
  return gradients;
}

}  // namespace shardproof::real
