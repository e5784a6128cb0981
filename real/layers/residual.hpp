#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// a + b. The gradient of the sum is that of both terms: no op, no tensor of its own.
class Residual : public Layer {
 public:
  using Layer::Layer;
  /// Cut alike -> forward/`module`/`role`, cut like them.
  ValueId forward(const std::string& role, ValueId a, ValueId b) {
    const ValueId sum = like(a, "forward/" + module() + "/" + role);
    forward_op(OpKind::add, {a, b}, {sum}, {}, role);
    return sum;
  }
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>&) override {
    return {dy[0], dy[0]};
  }
};

}  // namespace shardproof::real
