#include "reference/ops/loss_scaler.hpp"
#include "reference/units/step_units.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

const Shape one_element{1};

std::vector<std::string> gradients_of(const Task& task, int step) {
  std::vector<std::string> gradients;
  for (const ParameterDescription& p : task.model.parameters)
    gradients.push_back(step_folder(step) + "/gradient/" + p.name);
  return gradients;
}

}  // namespace

void append_overflow(const Task& task, int step, std::vector<Unit>& units) {
  units.push_back({UnitKind::nonfinite,
                   {},
                   gradients_of(task, step),
                   step_folder(step) + "/scalar/nonfinite",
                   one_element});
}

void append_norm(const Task& task, int step, std::vector<Unit>& units) {
  const std::string scalar = step_folder(step) + "/scalar/";
  const bool scaled = scales_loss(task.training);
  const auto with_scale = [&](std::vector<std::string> inputs) {
    if (scaled) inputs.push_back(scalar + "loss_scale");
    return inputs;
  };
  units.push_back({UnitKind::sum_of_squares,
                   {},
                   gradients_of(task, step),
                   scalar + "grad_norm_squared",
                   one_element});
  units.push_back({UnitKind::square_root,
                   {},
                   with_scale({scalar + "grad_norm_squared"}),
                   scalar + "grad_norm",
                   one_element});
  if (!multiplies_gradients(task.training)) return;
  units.push_back({UnitKind::clip_factor,
                   {.factor = task.training.gradient_clipping},
                   with_scale({scalar + "grad_norm"}),
                   scalar + "clip_factor",
                   one_element});
}

bool multiplies_gradients(const TrainingConfig& training) {
  return training.gradient_clipping != 0 || scales_loss(training);
}

}  // namespace shardproof::reference
