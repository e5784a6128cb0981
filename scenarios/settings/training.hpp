#pragma once

#include <optional>

#include "scenarios/dtype.hpp"
#include "scenarios/settings/loss_scale.hpp"
#include "scenarios/settings/optimizer.hpp"
#include "scenarios/settings/scheduler.hpp"

namespace shardproof {

/// The arithmetic of training, on however many ranks it is done: the DeepSpeed keys that say what
/// is to be computed, defaults filled in (spec-autotp sections 3.1, 7.5, 7.6).
struct TrainingConfig {
  int micro_batch = 1;          // train_micro_batch_size_per_gpu
  int accumulation = 1;         // gradient_accumulation_steps
  Dtype working = Dtype::fp32;  // bf16 or fp16.enabled, or fp64 by the scenario's "precision"
  /// Of gradient accumulators (data_types.grad_accum_dtype): the working dtype if absent.
  std::optional<Dtype> accumulate;
  double gradient_clipping = 1.0;  // 0: off
  bool check_grad_overflow = true;
  LossScaleConfig loss_scale;  // where working is fp16
  OptimizerConfig optimizer;
  SchedulerConfig scheduler;
};

}  // namespace shardproof
