// Two ways to the mean gradient of a step (spec-autotp 7.7): sum over the micro-steps what each
// replica has, then average over the replicas; or average each micro-step's gradients, then sum.
#include "reference/units/step_units.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

std::string micro_folder(int step, int micro) {
  return folder_of({Moment::Stage::step, step, micro});
}

}  // namespace

void append_accumulation(const Task& task, const MeanOverReplicas& mean, int step, int micro,
                         std::vector<Unit>& units) {
  const std::string folder = micro_folder(step, micro);
  for (const ParameterDescription& p : task.model.parameters) {
    std::string gradient = folder + "/gradient/" + p.name;
    Shape shape = p.shape;
    if (mean.each_micro_step) {
      const std::string averaged = folder + "/reduce/" + p.name + "/averaged";
      units.push_back({UnitKind::mean, {.mean_form = mean.form}, {gradient}, averaged, shape});
      gradient = averaged;
    } else {
      shape.insert(shape.begin(), task.replicas);
    }
    // The first is added to zero, not copied: 0 + (-0) is +0.
    const std::string accumulator = "/accumulator/" + p.name;
    const std::string before =
        micro == 0 ? zero_input : micro_folder(step, micro - 1) + accumulator;
    units.push_back({UnitKind::add, {}, {before, gradient}, folder + accumulator, shape});
  }
}

void append_reduction(const Task& task, const MeanOverReplicas& mean, int step,
                      std::vector<Unit>& units) {
  const std::string last = micro_folder(step, task.training.accumulation - 1);
  for (const ParameterDescription& p : task.model.parameters) {
    const bool averaged = mean.each_micro_step;
    units.push_back({averaged ? UnitKind::copy : UnitKind::mean,
                     averaged ? UnitAttributes{} : UnitAttributes{.mean_form = mean.form},
                     {last + "/accumulator/" + p.name},
                     step_folder(step) + "/gradient/" + p.name,
                     p.shape});
  }
}

}  // namespace shardproof::reference
