#include "real/builder/parameter_gradients.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

ValueId ParameterGradients::use(const std::string& parameter) {
  ++uses_[parameter].announced;
  return builder_.parameter(parameter);
}

bool ParameterGradients::summed_over_tp(const std::string& parameter) const {
  const std::string module = split_parameter_name(parameter).first;
  return builder_.tp() > 1 && builder_.scenario().partition.of(module).grad_allreduce;
}

ValueId ParameterGradients::gradient_like(const std::string& parameter, const std::string& name) {
  const ValueId gradient = builder_.like(builder_.parameter(parameter), name);
  builder_.program().value(gradient).placement.dp = partial();
  return gradient;
}

ValueId ParameterGradients::tensor(const std::string& module, const std::string& parameter) {
  const std::string own_name =
      "backward/" + module + "/grad_" + split_parameter_name(parameter).second;
  if (summed_over_tp(parameter)) {
    const ValueId part = gradient_like(parameter, own_name + "_partial");
    builder_.program().value(part).placement.tp = partial();
    return part;
  }
  const bool only = uses_.at(parameter).announced == 1;
  return gradient_like(parameter, only ? "gradient/" + parameter : own_name);
}

void ParameterGradients::add(const std::string& module, const std::string& parameter,
                             ValueId contribution) {
  Uses& uses = uses_.at(parameter);
  const auto [owner, leaf] = split_parameter_name(parameter);
  const std::string gradient = "gradient/" + parameter;
  ++uses.arrived;
  if (summed_over_tp(parameter)) {
    SHARDPROOF_EXPECTS(uses.announced == 1, parameter, "is used several times");
    const ValueId complete = gradient_like(parameter, gradient);
    builder_.collective(OpKind::all_reduce, Axis::tp, module, Phase::backward, "all_reduce_" + leaf,
                        contribution, complete);
    contribution = complete;
  }
  if (uses.arrived == 1) {
    uses.sum = contribution;
  } else {
    const bool last = uses.arrived == uses.announced;
    const std::string suffix = last ? "" : "_sum_" + std::to_string(uses.arrived - 1);
    const ValueId sum = gradient_like(parameter, gradient + suffix);
    builder_.append(OpKind::add, owner, Phase::backward, "add_grad_" + leaf + suffix,
                    {uses.sum, contribution}, {sum});
    uses.sum = sum;
  }
  if (uses.arrived == uses.announced) take_(parameter, uses.sum);
}

}  // namespace shardproof::real
