#include "real/run/learning_rate.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace shardproof::real {

namespace {

using Kind = SchedulerConfig::Kind;

double half_cosine(double progress) { return (1.0 + std::cos(std::numbers::pi * progress)) / 2; }

std::int64_t warmup_of(const SchedulerConfig& scheduler) {
  return std::max<std::int64_t>(2, scheduler.warmup_steps);
}

// Of a DeepSpeed schedule that is still warming up: how much of the way it has gone.
double warmed_up(const SchedulerConfig& scheduler, std::int64_t iteration) {
  const auto t = static_cast<double>(iteration), w = static_cast<double>(warmup_of(scheduler));
  return scheduler.logarithmic ? 1.0 / std::log(w) * std::log(t + 1) : t / w;
}

// How much of the way from the lowest to the highest rate.
double share(const SchedulerConfig& scheduler, std::int64_t iteration) {
  if (iteration < warmup_of(scheduler)) return warmed_up(scheduler, iteration);
  if (scheduler.kind == Kind::warmup) return 1.0;
  const auto t = static_cast<double>(iteration), w = static_cast<double>(warmup_of(scheduler));
  const auto total = static_cast<double>(scheduler.total_steps);
  return std::max(0.0, (total - t) / std::max(1.0, total - w));
}

// Of the optimizer's rate, in WarmupCosineLR.
double ratio(const SchedulerConfig& scheduler, std::int64_t iteration) {
  const std::int64_t warmup = warmup_of(scheduler);
  if (iteration < warmup)
    return scheduler.lowest_ratio +
           warmed_up(scheduler, iteration) * (1.0 - scheduler.lowest_ratio);
  const auto done = static_cast<double>(iteration - warmup + 1);
  const auto all = static_cast<double>(std::max<std::int64_t>(1, scheduler.total_steps - warmup));
  const double fall = half_cosine(std::min(1.0, done / all));
  return std::max(0.0, scheduler.last_ratio + (1.0 - scheduler.last_ratio) * fall);
}

// Of the optimizer's rate, in transformers' schedules, which count from 0.
double trainers_ratio(const SchedulerConfig& scheduler, std::int64_t iteration) {
  const auto t = static_cast<double>(iteration);
  const auto w = static_cast<double>(scheduler.warmup_steps);
  const auto total = static_cast<double>(scheduler.total_steps);
  if (iteration < scheduler.warmup_steps) return t / std::max(1.0, w);
  const double left = std::max(1.0, total - w);
  if (scheduler.kind == Kind::linear) return std::max(0.0, (total - t) / left);
  return std::max(0.0, half_cosine((t - w) / left));
}

}  // namespace

double learning_rate(const TrainingConfig& training, int updates) {
  const SchedulerConfig& scheduler = training.scheduler;
  const double own = training.optimizer.learning_rate;
  switch (scheduler.kind) {
    case Kind::constant: return own;
    case Kind::warmup:
    case Kind::warmup_decay:
      if (updates == 0) return scheduler.lowest;
      return scheduler.lowest +
             (scheduler.highest - scheduler.lowest) * share(scheduler, updates - 1);
    case Kind::warmup_cosine: return updates == 0 ? 0.0 : own * ratio(scheduler, updates - 1);
    case Kind::linear:
    case Kind::cosine: return own * trainers_ratio(scheduler, updates);
  }
  return own;
}

}  // namespace shardproof::real
