#include "reference/run/optimizer.hpp"

#include <cmath>

#include "scenarios/config/deepspeed/optimizer_names.hpp"

namespace shardproof::reference {

Tensor mean_over_groups(const Tensor& accumulated) {
  const std::int64_t groups = accumulated.shape.front();
  Tensor mean(Shape(accumulated.shape.begin() + 1, accumulated.shape.end()));
  for (std::int64_t i = 0; i < accumulated.size(); ++i) mean[i % mean.size()] += accumulated[i];
  for (double& value : mean.values) value /= static_cast<double>(groups);
  return mean;
}

double global_norm(const std::map<std::string, Tensor>& gradients) {
  double squares = 0;
  for (const auto& [name, gradient] : gradients)
    for (const double value : gradient.values) squares += value * value;
  return std::sqrt(squares);
}

double clip_factor(double norm, double clip) {
  if (clip == 0) return 1.0;
  const double excess = (norm + 1e-6) / clip;
  return excess < 1.0 ? 1.0 : 1.0 / excess;  // a NaN norm stays visible
}

double bias_correction(double beta, StepIndex step) { return 1.0 - std::pow(beta, step.value + 1); }

double bias_correction_root(double beta, StepIndex step) {
  return std::pow(bias_correction(beta, step), 0.5);
}

OptimizerState::OptimizerState(Tensor initial, const OptimizerConfig& config)
    : master(std::move(initial)) {
  for (const std::string& name : state_names(config)) moments.emplace(name, Tensor(master.shape));
}

namespace {

void adam_step(OptimizerState& state, const Tensor& gradient, double weight_decay,
               const OptimizerConfig& config, double lr, StepIndex step) {
  const double c1 = bias_correction(config.beta1, step);
  const double c2 = bias_correction(config.beta2, step);
  Tensor& first = state.moments.at("exp_avg");
  Tensor& second = state.moments.at("exp_avg_sq");
  for (std::int64_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i];
    double& m = first[i];
    double& v = second[i];
    double& p = state.master[i];
    m = config.beta1 * m + (1 - config.beta1) * g;
    v = config.beta2 * v + (1 - config.beta2) * g * g;
    const double direction = (m / c1) / (std::sqrt(v / c2) + config.epsilon);
    p -= lr * (direction + weight_decay * p);
  }
}

void sgd_step(OptimizerState& state, const Tensor& gradient, const OptimizerConfig& config,
              double lr) {
  const auto buffer = state.moments.find("momentum_buffer");
  for (std::int64_t i = 0; i < gradient.size(); ++i) {
    double direction = gradient[i];
    if (buffer != state.moments.end()) {
      double& b = buffer->second[i];
      b = config.momentum * b + direction;
      direction = config.nesterov ? direction + config.momentum * b : b;
    }
    state.master[i] -= lr * direction;
  }
}

}  // namespace

void optimizer_step(OptimizerState& state, const Tensor& gradient, double factor,
                    const OptimizerConfig& config, double lr, StepIndex step) {
  SHARDPROOF_EXPECTS(gradient.shape == state.master.shape, to_string(gradient.shape),
                     to_string(state.master.shape));
  const bool beside = config.kind == OptimizerConfig::Kind::adamw;  // decay, not in the gradient
  Tensor g = gradient;
  for (std::int64_t i = 0; i < g.size(); ++i) {
    g[i] *= factor;
    if (!beside) g[i] += config.weight_decay * state.master[i];
  }
  if (config.kind == OptimizerConfig::Kind::sgd)
    sgd_step(state, g, config, lr);
  else
    adam_step(state, g, beside ? config.weight_decay : 0, config, lr, step);
}

}  // namespace shardproof::reference
