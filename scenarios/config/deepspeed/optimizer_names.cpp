#include "scenarios/config/deepspeed/optimizer_names.hpp"

namespace shardproof {

std::vector<std::string> state_names(const OptimizerConfig& optimizer) {
  if (optimizer.kind != OptimizerConfig::Kind::sgd) return {"exp_avg", "exp_avg_sq"};
  if (optimizer.momentum != 0) return {"momentum_buffer"};
  return {};
}

std::vector<std::string> optimizer_tensors(const OptimizerConfig& optimizer) {
  std::vector<std::string> names = state_names(optimizer);
  names.insert(names.begin(), "master");
  return names;
}

std::vector<std::string> scalar_names(const OptimizerConfig& optimizer) {
  if (optimizer.kind == OptimizerConfig::Kind::sgd) return {"learning_rate"};
  if (optimizer.form == OptimizerConfig::Form::torch)
    return {"learning_rate", "bias_correction1", "bias_correction2_root"};
  return {"learning_rate", "bias_correction1", "bias_correction2"};
}

}  // namespace shardproof
