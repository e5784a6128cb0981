#include "reference/run/learning_rate.hpp"

#include <cmath>

namespace shardproof::reference {

double learning_rate(const TrainingConfig& training, StepIndex step) {
  const SchedulerConfig& s = training.scheduler;
  if (s.kind == SchedulerConfig::Kind::constant) return training.optimizer.learning_rate;
  const double t = step.value - 1.0;
  const double w = std::fmax(2.0, static_cast<double>(s.warmup_steps));
  const double total = static_cast<double>(s.total_steps);
  double gamma = 0;
  if (t >= w && s.kind == SchedulerConfig::Kind::warmup)
    gamma = 1;
  else if (t >= w)
    gamma = std::fmax(0.0, (total - t) / std::fmax(1.0, total - w));
  else if (t >= 0 && s.logarithmic)
    gamma = (1 / std::log(w)) * std::log(t + 1);  // DeepSpeed multiplies by the reciprocal
  else if (t >= 0)
    gamma = t / w;
  return s.lowest + gamma * (s.highest - s.lowest);
}

}  // namespace shardproof::reference
