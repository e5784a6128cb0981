#include "real/optimizer/update_rule.hpp"

#include "scenarios/config/optimizer_names.hpp"

namespace shardproof::real {

namespace {

constexpr const char* module = "optimizer";

ValueId add_flat(Builder& builder, const FlatPartition& partition, const std::string& name,
                 bool state) {
  return add_flat_value(builder, partition.owned, "optimizer/*/" + name, builder.policy().master,
                        owner_placement(builder, partition), state);
}

ValueId load_scalar(Builder& builder, const std::string& name) {
  const ValueId id = builder.scalar("scalar/" + name, builder.policy().master);
  builder.append(OpKind::load_scalar, module, "update", "load_" + name, {}, {id},
                 {{"scalar", name}});
  return id;
}

}  // namespace

UpdateScalars load_update_scalars(Builder& builder) {
  UpdateScalars scalars;
  for (const std::string& name : scalar_names(builder.scenario().training.optimizer))
    scalars[name] = load_scalar(builder, name);
  return scalars;
}

UpdateRule::UpdateRule(Builder& builder, const FlatPartition& partition) : partition_(partition) {
  for (const std::string& name : state_names(builder.scenario().training.optimizer))
    states_[name] = add_flat(builder, partition, name, /*state=*/true);
}

void UpdateRule::lower_initial(Builder& builder) const {
  for (const auto& [name, value] : states_)
    builder.append(OpKind::zero, module, "data", "zero_" + name, {}, {value});
}

void UpdateRule::lower(Builder& builder, const UpdateScalars& scalars, ValueId master,
                       ValueId gradient) const {
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  switch (config.kind) {
    case OptimizerConfig::Kind::adamw:
      return lower_adam(builder, scalars, master, gradient, config.weight_decay);
    case OptimizerConfig::Kind::adam:
      return lower_adam(builder, scalars, master, decayed(builder, master, gradient), 0);
    case OptimizerConfig::Kind::sgd:
      return lower_sgd(builder, scalars, master, decayed(builder, master, gradient));
  }
}

// L2 regularisation: the gradient of wd/2 p^2 beside the loss's.
ValueId UpdateRule::decayed(Builder& builder, ValueId master, ValueId gradient) const {
  const double weight_decay = builder.scenario().training.optimizer.weight_decay;
  if (weight_decay == 0) return gradient;
  const ValueId sum = add_flat(builder, partition_, "decayed", /*state=*/false);
  builder.append(OpKind::decay, module, "update", "decay", {gradient, master}, {sum},
                 {{"factor", weight_decay}});
  return sum;
}

void UpdateRule::lower_adam(Builder& builder, const UpdateScalars& scalars, ValueId master,
                            ValueId gradient, double weight_decay) const {
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  const ValueId m = states_.at("exp_avg"), v = states_.at("exp_avg_sq");
  builder.append(OpKind::exp_avg, module, "update", "exp_avg", {m, gradient}, {m},
                 {{"beta1", config.beta1}});
  builder.append(OpKind::exp_avg_sq, module, "update", "exp_avg_sq", {v, gradient}, {v},
                 {{"beta2", config.beta2}});
  builder.append(OpKind::adamw, module, "update", "adamw",
                 {master, m, v, scalars.at("learning_rate"), scalars.at("bias_correction1"),
                  scalars.at("bias_correction2")},
                 {master}, {{"eps", config.epsilon}, {"weight_decay", weight_decay}});
}

void UpdateRule::lower_sgd(Builder& builder, const UpdateScalars& scalars, ValueId master,
                           ValueId gradient) const {
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  ValueId direction = gradient;
  if (config.momentum != 0) {
    const ValueId buffer = states_.at("momentum_buffer");
    builder.append(OpKind::momentum, module, "update", "momentum", {gradient, buffer}, {buffer},
                   {{"factor", config.momentum}});
    direction = buffer;
    if (config.nesterov) {
      direction = add_flat(builder, partition_, "nesterov", /*state=*/false);
      builder.append(OpKind::nesterov, module, "update", "nesterov", {gradient, buffer},
                     {direction}, {{"factor", config.momentum}});
    }
  }
  builder.append(OpKind::sgd, module, "update", "sgd",
                 {master, direction, scalars.at("learning_rate")}, {master});
}

}  // namespace shardproof::real
