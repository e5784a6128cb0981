#include "real/run/loss_scaler.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

double initial_scale(const TrainingConfig& training) {
  if (training.working != Dtype::fp16) return 1;
  const LossScaleConfig& config = training.loss_scale;
  return config.fixed != 0 ? config.fixed : std::ldexp(1.0, config.initial_power);
}

}  // namespace

LossScaler::LossScaler(const TrainingConfig& training)
    : config_(training.loss_scale),
      dynamic_(training.working == Dtype::fp16 && config_.fixed == 0),
      scale_(initial_scale(training)),
      tolerated_(config_.hysteresis) {}

void LossScaler::update(bool overflow) {
  if (!dynamic_) return;
  if (overflow) {
    if (tolerated_ > 1)
      --tolerated_;
    else
      shrink();
    last_overflow_ = steps_;
  } else {
    const std::int64_t clean = steps_ - last_overflow_ - 1;
    const bool grows = clean > 0 && clean % config_.window == 0;
    if (grows) scale_ *= 2;
    if (grows || config_.consecutive_hysteresis) tolerated_ = config_.hysteresis;
  }
  ++steps_;
}

void LossScaler::shrink() {
  if (scale_ == config_.lowest) {
    char text[160];
    std::snprintf(text, sizeof text,
                  "step %lld: the gradients overflow at a loss scale of %g, which is "
                  "fp16.min_loss_scale: it cannot become smaller, and the run ends",
                  static_cast<long long>(steps_), scale_);
    throw ScenarioError(text);
  }
  scale_ = std::max(scale_ / 2, config_.lowest);
}

std::map<std::string, double> LossScaler::counters() const {
  return {{"loss_scale", scale_},
          {"loss_scale_steps", static_cast<double>(steps_)},
          {"loss_scale_last_overflow", static_cast<double>(last_overflow_)},
          {"loss_scale_tolerated", static_cast<double>(tolerated_)}};
}

void LossScaler::restore(const std::map<std::string, double>& counters) {
  scale_ = counters.at("loss_scale");
  steps_ = static_cast<std::int64_t>(counters.at("loss_scale_steps"));
  last_overflow_ = static_cast<std::int64_t>(counters.at("loss_scale_last_overflow"));
  tolerated_ = static_cast<std::int64_t>(counters.at("loss_scale_tolerated"));
}

}  // namespace shardproof::real
