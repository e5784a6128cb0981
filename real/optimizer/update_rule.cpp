#include "real/optimizer/update_rule.hpp"

#include "scenarios/config/deepspeed/optimizer_names.hpp"

namespace shardproof::real {

namespace {

constexpr const char* module = "optimizer";

ValueId add_flat(Builder& builder, const FlatGroup& group, const std::string& name,
                 Lifetime lifetime) {
  return add_owned_value(builder, group, "optimizer/*/" + name, builder.policy().master, lifetime);
}

ValueId load_scalar(Builder& builder, const std::string& name) {
  const ValueId id = builder.scalar("scalar/" + name, builder.policy().scalars);
  builder.append(OpKind::load_scalar, module, Phase::update, "load_" + name, {}, {id},
                 {{"scalar", name}});
  return id;
}

// The ops of Adam and AdamW in DeepSpeed's form and in torch's, and the scalar by which the second
// moment is corrected.
struct AdamOps {
  OpKind exp_avg, exp_avg_sq, adamw, decay;
  const char* correction2;
};
AdamOps adam_ops(OptimizerConfig::Form form) {
  if (form == OptimizerConfig::Form::fused)
    return {OpKind::exp_avg, OpKind::exp_avg_sq, OpKind::adamw, OpKind::decay, "bias_correction2"};
  return {OpKind::torch_exp_avg, OpKind::torch_exp_avg_sq, OpKind::torch_adamw, OpKind::torch_decay,
          "bias_correction2_root"};
}

}  // namespace

UpdateScalars load_update_scalars(Builder& builder) {
  UpdateScalars scalars;
  for (const std::string& name : scalar_names(builder.scenario().training.optimizer))
    scalars[name] = load_scalar(builder, name);
  return scalars;
}

UpdateRule::UpdateRule(Builder& builder, const FlatGroup& group) : group_(group) {
  for (const std::string& name : state_names(builder.scenario().training.optimizer))
    states_[name] = add_flat(builder, group, name, Lifetime::state);
}

void UpdateRule::lower_initial(Builder& builder) const {
  const bool resumes = !builder.scenario().resume.empty();
  for (const auto& [name, value] : states_)
    builder.append(resumes ? OpKind::load_state : OpKind::zero, group_.module, Phase::data,
                   (resumes ? "load_" : "zero_") + name, {}, {value});
}

void UpdateRule::lower(Builder& builder, const UpdateScalars& scalars, ValueId master,
                       ValueId gradient) const {
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  switch (config.kind) {
    case OptimizerConfig::Kind::adamw:
      return lower_adam(builder, scalars, master, gradient, group_.weight_decay);
    case OptimizerConfig::Kind::adam:
      return lower_adam(builder, scalars, master,
                        decayed(builder, adam_ops(config.form).decay, master, gradient), 0);
    case OptimizerConfig::Kind::sgd:
      return lower_sgd(builder, scalars, master, decayed(builder, OpKind::decay, master, gradient));
  }
}

// L2 regularisation: the gradient of wd/2 p^2 beside the loss's.
ValueId UpdateRule::decayed(Builder& builder, OpKind decay, ValueId master,
                            ValueId gradient) const {
  if (group_.weight_decay == 0) return gradient;
  const ValueId sum = add_flat(builder, group_, "decayed", Lifetime::segment);
  builder.append(decay, group_.module, Phase::update, "decay", {gradient, master}, {sum},
                 {{"factor", group_.weight_decay}});
  return sum;
}

void UpdateRule::lower_adam(Builder& builder, const UpdateScalars& scalars, ValueId master,
                            ValueId gradient, double weight_decay) const {
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  const AdamOps ops = adam_ops(config.form);
  const ValueId m = states_.at("exp_avg"), v = states_.at("exp_avg_sq");
  builder.append(ops.exp_avg, group_.module, Phase::update, "exp_avg", {m, gradient}, {m},
                 {{"beta1", config.beta1}});
  builder.append(ops.exp_avg_sq, group_.module, Phase::update, "exp_avg_sq", {v, gradient}, {v},
                 {{"beta2", config.beta2}});
  builder.append(ops.adamw, group_.module, Phase::update, "adamw",
                 {master, m, v, scalars.at("learning_rate"), scalars.at("bias_correction1"),
                  scalars.at(ops.correction2)},
                 {master}, {{"eps", config.epsilon}, {"weight_decay", weight_decay}});
}

void UpdateRule::lower_sgd(Builder& builder, const UpdateScalars& scalars, ValueId master,
                           ValueId gradient) const {
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  ValueId direction = gradient;
  if (config.momentum != 0) {
    const ValueId buffer = states_.at("momentum_buffer");
    builder.append(OpKind::momentum, group_.module, Phase::update, "momentum", {gradient, buffer},
                   {buffer}, {{"factor", config.momentum}});
    direction = buffer;
    if (config.nesterov) {
      direction = add_flat(builder, group_, "nesterov", Lifetime::segment);
      builder.append(OpKind::nesterov, group_.module, Phase::update, "nesterov", {gradient, buffer},
                     {direction}, {{"factor", config.momentum}});
    }
  }
  builder.append(OpKind::sgd, group_.module, Phase::update, "sgd",
                 {master, direction, scalars.at("learning_rate")}, {master});
}

}  // namespace shardproof::real
