#include "reference/optimizer.hpp"

#include <cmath>

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

void adamw_step(OptimizerState& state, const Tensor& gradient, double factor,
                const OptimizerConfig& config, StepIndex step) {
  SHARDPROOF_EXPECTS(gradient.shape == state.master.shape, to_string(gradient.shape),
                     to_string(state.master.shape));
  const double c1 = bias_correction(config.beta1, step);
  const double c2 = bias_correction(config.beta2, step);
  for (std::int64_t i = 0; i < gradient.size(); ++i) {
    const double g = factor * gradient[i];
    double& m = state.exp_avg[i];
    double& v = state.exp_avg_sq[i];
    double& p = state.master[i];
    m = config.beta1 * m + (1 - config.beta1) * g;
    v = config.beta2 * v + (1 - config.beta2) * g * g;
    const double direction = (m / c1) / (std::sqrt(v / c2) + config.epsilon);
    p -= config.learning_rate * (direction + config.weight_decay * p);
  }
}

}  // namespace shardproof::reference
