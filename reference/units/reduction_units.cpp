// Two ways to the mean gradient of a step (spec-autotp 7.7): sum over the micro-steps what each replica
// has, then average over the replicas (ZeRO 0 and 1); or average each micro-step's gradients, then sum
// (ZeRO 2).
#include "reference/units/step_units.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

std::string micro_folder(int step, int micro) {
  return folder_of({Moment::Stage::step, step, micro});
}

bool averages_each_micro_step(const Scenario& scenario) {
  return scenario.training.zero_stage == 2;
}

/// Where 1/D is applied: ZeRO divides before the reduction, but in bf16 with fp32 accumulators
/// (spec-autotp 7.11) stage 1 multiplies after it, as stage 0 does.
UnitAttributes mean_form(const TrainingConfig& training) {
  const bool fp32_buffers = training.zero_stage == 1 && training.working == Dtype::bf16 &&
                            training.accumulate.value_or(Dtype::bf16) == Dtype::fp32;
  const bool after = training.zero_stage == 0 || fp32_buffers;
  return {.mean_form = after ? MeanForm::multiply_after : MeanForm::divide_before};
}

}  // namespace

void append_accumulation(const Scenario& scenario, int step, int micro, std::vector<Unit>& units) {
  const std::string folder = micro_folder(step, micro);
  for (const ParameterDescription& p : scenario.model.parameters) {
    std::string gradient = folder + "/gradient/" + p.name;
    Shape shape = p.shape;
    if (averages_each_micro_step(scenario)) {
      const std::string averaged = folder + "/reduce/" + p.name + "/averaged";
      units.push_back({UnitKind::mean, mean_form(scenario.training), {gradient}, averaged, shape});
      gradient = averaged;
    } else {
      shape.insert(shape.begin(), scenario.data_parallel());
    }
    // The first is added to zero, not copied: 0 + (-0) is +0.
    const std::string accumulator = "/accumulator/" + p.name;
    const std::string before =
        micro == 0 ? zero_input : micro_folder(step, micro - 1) + accumulator;
    units.push_back({UnitKind::add, {}, {before, gradient}, folder + accumulator, shape});
  }
}

void append_reduction(const Scenario& scenario, int step, std::vector<Unit>& units) {
  const std::string last = micro_folder(step, scenario.training.accumulation - 1);
  for (const ParameterDescription& p : scenario.model.parameters) {
    const bool averaged = averages_each_micro_step(scenario);
    units.push_back({averaged ? UnitKind::copy : UnitKind::mean,
                     averaged ? UnitAttributes{} : mean_form(scenario.training),
                     {last + "/accumulator/" + p.name},
                     step_folder(step) + "/gradient/" + p.name,
                     p.shape});
  }
}

}  // namespace shardproof::reference
