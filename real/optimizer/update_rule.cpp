#include "real/optimizer/update_rule.hpp"

namespace shardproof::real {

namespace {

constexpr const char* module = "optimizer";

ValueId add_state(Builder& builder, const FlatPartition& partition, const std::string& name) {
  return add_flat_value(builder, partition.owned, "optimizer/*/" + name, builder.policy().master,
                        owner_placement(builder, partition), /*state=*/true);
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
  scalars.learning_rate = load_scalar(builder, "learning_rate");
  scalars.bias_correction1 = load_scalar(builder, "bias_correction1");
  scalars.bias_correction2 = load_scalar(builder, "bias_correction2");
  return scalars;
}

UpdateRule::UpdateRule(Builder& builder, const FlatPartition& partition)
    : exp_avg_(add_state(builder, partition, "exp_avg")),
      exp_avg_sq_(add_state(builder, partition, "exp_avg_sq")) {}

void UpdateRule::lower_initial(Builder& builder) const {
  for (const auto& [name, value] : {std::pair{"exp_avg", exp_avg_}, {"exp_avg_sq", exp_avg_sq_}})
    builder.append(OpKind::zero, module, "data", std::string("zero_") + name, {}, {value});
}

void UpdateRule::lower(Builder& builder, const UpdateScalars& scalars, ValueId master,
                       ValueId gradient) const {
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  builder.append(OpKind::exp_avg, module, "update", "exp_avg", {exp_avg_, gradient}, {exp_avg_},
                 {{"beta1", config.beta1}});
  builder.append(OpKind::exp_avg_sq, module, "update", "exp_avg_sq", {exp_avg_sq_, gradient},
                 {exp_avg_sq_}, {{"beta2", config.beta2}});
  builder.append(OpKind::adamw, module, "update", "adamw",
                 {master, exp_avg_, exp_avg_sq_, scalars.learning_rate, scalars.bias_correction1,
                  scalars.bias_correction2},
                 {master}, {{"eps", config.epsilon}, {"weight_decay", config.weight_decay}});
}

}  // namespace shardproof::real
