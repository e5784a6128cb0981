#include "scenarios/precision/mean_over_replicas.hpp"

namespace shardproof {

namespace {

// ZeRO divides before the reduction, but in bf16 with fp32 accumulators (spec-autotp 7.11) stage 1
// multiplies after it, as stage 0 does.
MeanForm form_of(const Scenario& scenario) {
  const int stage = scenario.parallel.zero_stage;
  const TrainingConfig& training = scenario.training;
  const bool fp32_buffers = stage == 1 && training.working == Dtype::bf16 &&
                            training.accumulate.value_or(Dtype::bf16) == Dtype::fp32;
  return stage == 0 || fp32_buffers ? MeanForm::multiply_after : MeanForm::divide_before;
}

}  // namespace

MeanOverReplicas mean_over_replicas(const Scenario& scenario) {
  return {.form = form_of(scenario), .each_micro_step = scenario.parallel.zero_stage == 2};
}

}  // namespace shardproof
