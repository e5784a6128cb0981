#include "real/layers/rotary.hpp"

namespace shardproof::real {

RotaryTable lower_rotary_table(Builder& builder) {
  const Shape shape{builder.scenario().data.sequence, builder.model().head_dim / 2};
  const auto table = [&](const std::string& name) {
    return builder.add_value({.name = "data/rotary_" + name,
                              .shape = shape,
                              .dtype = builder.policy().working,
                              .placement = {},
                              .lifetime = Lifetime::state});
  };
  const RotaryTable result{table("cos"), table("sin")};
  builder.append(OpKind::rotary_table, "model.rotary_emb", "data", "rotary_table", {},
                 {result.cos, result.sin}, {{"theta", builder.model().rope_theta}});
  return result;
}

ValueId Rotary::forward(ValueId x) {
  const ValueId y = like(x, "forward/" + module() + "/" + what_ + "_rotated");
  forward_op(OpKind::rotary, {x, table_.cos, table_.sin}, {y}, {}, what_);
  return y;
}

std::vector<ValueId> Rotary::backward(const std::vector<ValueId>& dy,
                                      const std::vector<std::string>& names) {
  const ValueId dx = like(dy[0], names[0]);
  backward_op(OpKind::rotary_backward, {dy[0], table_.cos, table_.sin}, {dx}, {}, what_);
  return {dx};
}

}  // namespace shardproof::real
