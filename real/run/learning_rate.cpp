#include "real/run/learning_rate.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::real {

namespace {

// How much of the way from the lowest to the highest rate.
double share(const SchedulerConfig& scheduler, std::int64_t iteration) {
  const std::int64_t warmup = std::max<std::int64_t>(2, scheduler.warmup_steps);
  const auto t = static_cast<double>(iteration), w = static_cast<double>(warmup);
  if (iteration < warmup)
    return scheduler.logarithmic ? 1.0 / std::log(w) * std::log(t + 1) : t / w;
  if (scheduler.kind == SchedulerConfig::Kind::warmup) return 1.0;
  const auto total = static_cast<double>(scheduler.total_steps);
  return std::max(0.0, (total - t) / std::max(1.0, total - w));
}

}  // namespace

double learning_rate(const TrainingConfig& training, int updates) {
  const SchedulerConfig& scheduler = training.scheduler;
  if (scheduler.kind == SchedulerConfig::Kind::constant) return training.optimizer.learning_rate;
  if (updates == 0) return scheduler.lowest;
  return scheduler.lowest + (scheduler.highest - scheduler.lowest) * share(scheduler, updates - 1);
}

}  // namespace shardproof::real
