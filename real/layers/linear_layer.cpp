#include "real/layers/linear_layer.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

bool LinearLayer::gathers() {
  return builder().tp() > 1 && builder().scenario().partition.of(module()).gather_output;
}

bool LinearLayer::overlaps() {
  return builder().tp() > 1 && builder().scenario().parallel.tp_overlap_comm &&
         weight_cut().widths.size() <= 1;
}

ValueId LinearLayer::forward(ValueId x) {
  x_ = x;
  if (gathers() && value(x).extent >= 0)
    throw ScenarioError("gather_output of " + module() +
                        ": the outputs of an expert, whose rows are data, cannot be gathered");
  const std::string result = gathers() ? "output_shard" : "output";
  y_ = product(has_bias() ? "product" : result, x, weight_cut());
  if (has_bias()) y_ = with_bias(result, y_);
  return gathers() ? gather_features(Phase::forward, y_, "forward/" + module() + "/output") : y_;
}

ValueId LinearLayer::own_part(ValueId dy) {
  if (!gathers()) return dy;
  const ValueId part = like(y_, "backward/" + module() + "/grad_output_shard");
  backward_op(OpKind::shard_slice, {dy}, {part});
  return part;
}

std::vector<ValueId> LinearLayer::backward(const std::vector<ValueId>& dy,
                                           const std::vector<std::string>& names) {
  const ValueId dy_part = own_part(dy[0]);
  const bool wanted = !names[0].empty();
  if (!wanted && !overlaps()) {
    parameter_gradients(dy_part, x_);
    return {-1};
  }
  const ValueId dx = like(x_, wanted ? names[0] : "backward/" + module() + "/grad_input");
  start_input_gradient(dy_part, dx);
  if (builder().tp() > 1 && !overlaps()) builder().finish_collective(dx);
  parameter_gradients(dy_part, x_);
  if (overlaps()) builder().finish_collective(dx);
  return {dx};
}

void LinearLayer::start_input_gradient(ValueId dy, ValueId dx) {
  if (builder().tp() == 1) return input_gradient(dy, dx);
  // Each rank sees its own output features only: what they give back is a partial sum.
  const ValueId part = builder().features_of(x_, "backward/" + module() + "/grad_input_partial",
                                             in_features(), partial());
  input_gradient(dy, part);
  builder().start_collective(OpKind::all_reduce, Axis::tp, module(), Phase::backward, "all_reduce",
                             part, dx);
}

}  // namespace shardproof::real
