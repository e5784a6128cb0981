#include "reference/run/learning_rate.hpp"

#include <cmath>
#include <numbers>

namespace shardproof::reference {

namespace {

using Kind = SchedulerConfig::Kind;

double deepspeeds(const SchedulerConfig& s, double own, double t) {
  const bool scales = s.kind == Kind::warmup_cosine;
  const double low = scales ? s.lowest_ratio : s.lowest, high = scales ? 1.0 : s.highest;
  if (t < 0) return scales ? 0.0 : low;
  const double w = std::fmax(2.0, static_cast<double>(s.warmup_steps));
  const double total = static_cast<double>(s.total_steps);
  double gamma = 1;
  if (t < w && s.logarithmic)
    gamma = (1 / std::log(w)) * std::log(t + 1);  // DeepSpeed multiplies by the reciprocal
  else if (t < w)
    gamma = t / w;
  else if (s.kind == Kind::warmup_decay)
    gamma = std::fmax(0.0, (total - t) / std::fmax(1.0, total - w));
  if (!scales) return low + gamma * (high - low);
  if (t < w) return own * (low + gamma * (high - low));
  const double x = std::fmin(1.0, (t + 1 - w) / std::fmax(1.0, total - w));
  return own * std::fmax(0.0, s.last_ratio +
                                  0.5 * (1 + std::cos(std::numbers::pi * x)) * (1 - s.last_ratio));
}

double transformers(const SchedulerConfig& s, double t) {
  const double w = static_cast<double>(s.warmup_steps), total = static_cast<double>(s.total_steps);
  if (t < w) return t / w;
  const double rest = std::fmax(1.0, total - w);
  return std::fmax(0.0, s.kind == Kind::linear
                            ? (total - t) / rest
                            : 0.5 * (1 + std::cos(std::numbers::pi * ((t - w) / rest))));
}

}  // namespace

double learning_rate(const TrainingConfig& training, StepIndex step) {
  const SchedulerConfig& s = training.scheduler;
  const double own = training.optimizer.learning_rate;
  if (s.kind == Kind::constant) return own;
  return s.is_trainers() ? own * transformers(s, step.value) : deepspeeds(s, own, step.value - 1.0);
}

}  // namespace shardproof::reference
