#include "reference/run/optimizer.hpp"

#include <cmath>

#include "reference/ops/compensated_sum.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"

namespace shardproof::reference {

// In place: it is done for all parameters at once, and a copy of each would be a copy of the model.
Tensor mean_over_groups(Tensor accumulated) {
  const std::int64_t groups = accumulated.shape.front(), size = accumulated.size() / groups;
  for (std::int64_t i = 0; i < size; ++i) {
    CompensatedSum<double> sum;
    for (std::int64_t group = 0; group < groups; ++group) sum += accumulated[group * size + i];
    accumulated[i] = sum.value() / static_cast<double>(groups);
  }
  accumulated.shape.erase(accumulated.shape.begin());
  accumulated.values.resize(static_cast<std::size_t>(size));
  accumulated.values.shrink_to_fit();
  return accumulated;
}

double global_norm(const std::map<std::string, Tensor>& gradients) {
  CompensatedSum<double> squares;
  for (const auto& [name, gradient] : gradients)
    for (const double value : gradient.values) squares += value * value;
  return std::sqrt(squares.value());
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
  for (const std::string& name : state_names(config)) moments.emplace(name, Tensor());
}

namespace {

// `direction`(i): what the moments take in of element i.
template <class Direction>
void adam_step(OptimizerState& state, const Direction& direction, double weight_decay,
               const OptimizerConfig& config, double lr, StepIndex step) {
  const double c1 = bias_correction(config.beta1, step);
  const double c2 = bias_correction(config.beta2, step);
  Tensor& first = state.moments.at("exp_avg");
  Tensor& second = state.moments.at("exp_avg_sq");
  for (std::int64_t i = 0; i < state.master.size(); ++i) {
    const double g = direction(i);
    double& m = first[i];
    double& v = second[i];
    double& p = state.master[i];
    m = config.beta1 * m + (1 - config.beta1) * g;
    v = config.beta2 * v + (1 - config.beta2) * g * g;
    const double quotient = (m / c1) / (std::sqrt(v / c2) + config.epsilon);
    p -= lr * (quotient + weight_decay * p);
  }
}

template <class Direction>
void sgd_step(OptimizerState& state, const Direction& direction, const OptimizerConfig& config,
              double lr) {
  const auto buffer = state.moments.find("momentum_buffer");
  for (std::int64_t i = 0; i < state.master.size(); ++i) {
    double d = direction(i);
    if (buffer != state.moments.end()) {
      double& b = buffer->second[i];
      b = config.momentum * b + d;
      d = config.nesterov ? d + config.momentum * b : b;
    }
    state.master[i] -= lr * d;
  }
}

}  // namespace

void optimizer_step(OptimizerState& state, const Tensor& gradient, double factor,
                    const OptimizerConfig& config, double lr, StepIndex step) {
  SHARDPROOF_EXPECTS(gradient.shape == state.master.shape, to_string(gradient.shape),
                     to_string(state.master.shape));
  for (auto& [name, moment] : state.moments)
    if (moment.values.empty()) moment = Tensor(state.master.shape);
  const bool beside = config.kind == OptimizerConfig::Kind::adamw;  // decay, not in the gradient
  const auto direction = [&](std::int64_t i) {
    const double g = gradient[i] * factor;
    return beside ? g : g + config.weight_decay * state.master[i];
  };
  if (config.kind == OptimizerConfig::Kind::sgd)
    sgd_step(state, direction, config, lr);
  else
    adam_step(state, direction, beside ? config.weight_decay : 0, config, lr, step);
}

}  // namespace shardproof::reference
