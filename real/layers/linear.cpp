#include "real/layers/linear.hpp"

#include "real/builder/gather_shards.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::real {

AxisPlacement laid_on(int dim, const AxisPlacement& cut) {
  return cut.kind == AxisPlacement::Kind::shard ? shard(dim, cut.widths) : cut;
}

Linear::Linear(Site site, std::string weight)
    : Layer(std::move(site)),
      weight_(std::move(weight)),
      bias_(module() + ".bias"),
      has_bias_(builder().has_parameter(bias_)) {
  gradients().use(weight_);
  if (has_bias_) gradients().use(bias_);
}

bool Linear::weight_is_in_out() {
  return builder().model().parameter(weight_).module_class == ModuleClass::conv1d;
}

Attributes Linear::layout() {
  if (!weight_is_in_out()) return {};
  return {{"weight_layout", std::string(name_of(WeightLayout::in_out))}};
}

ValueId Linear::product(const std::string& role, ValueId x, AxisPlacement tp) {
  const ValueId y = output(role, x, out_features(), std::move(tp));
  forward_op(OpKind::matmul, {x, weight()}, {y}, layout());
  return y;
}

ValueId Linear::sum_of_products(ValueId x) {
  ValueId y = -1;
  if (builder().tp() == 1) {
    y = product(product_role(), x, replicate());
  } else {
    const ValueId part = product("partial", x, partial());
    y = output(product_role(), x, out_features(), replicate());
    builder().collective(OpKind::all_reduce, Axis::tp, module(), Phase::forward, "all_reduce", part,
                         y);
  }
  // After the reduction: before it, the sum would hold the bias once for every rank.
  return has_bias() ? with_bias("output", y) : y;
}

ValueId Linear::with_bias(const std::string& role, ValueId product) {
  const ValueId y = like(product, "forward/" + module() + "/" + role);
  if (!builder().scenario().trains()) builder().program().value(y).in_place_of = product;
  forward_op(OpKind::add_bias, {product, builder().parameter(bias_)}, {y});
  return y;
}

ValueId Linear::gather_features(Phase phase, ValueId part, const std::string& name) {
  const ValueId all = like(part, name);
  builder().program().value(all).placement.tp = replicate();
  lower_gather_shards(builder(), part, all,
                      {.module = module(), .phase = phase, .suffix = "", .folder = name + "_"});
  builder().last_op().recorded = true;  // a value of the model, not only bits on their way
  return all;
}

void Linear::input_gradient(ValueId dy, ValueId dx) {
  backward_op(OpKind::matmul_backward_input, {dy, weight()}, {dx}, layout());
}

std::vector<ValueId> Linear::local_backward(ValueId dy, ValueId x, const std::string& dx_name) {
  const ValueId dx = dx_name.empty() ? -1 : like(x, dx_name);
  if (dx >= 0) input_gradient(dy, dx);
  parameter_gradients(dy, x);
  return {dx};
}

void Linear::parameter_gradients(ValueId dy, ValueId x) {
  const ValueId grad_weight = gradients().tensor(module(), weight_);
  backward_op(OpKind::matmul_backward_weight, {dy, x}, {grad_weight}, layout());
  gradients().add(module(), weight_, grad_weight);
  if (!has_bias_) return;
  const ValueId grad_bias = gradients().tensor(module(), bias_);
  backward_op(OpKind::bias_backward, {dy}, {grad_bias});
  gradients().add(module(), bias_, grad_bias);
}

}  // namespace shardproof::real
