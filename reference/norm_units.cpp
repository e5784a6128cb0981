#include "reference/step_units.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

const Shape one_element{1};

}  // namespace

void append_norm(const Scenario& scenario, int step, std::vector<Unit>& units) {
  const std::string scalar = step_folder(step) + "/scalar/";
  std::vector<std::string> gradients;
  for (const ParameterDescription& p : scenario.model.parameters)
    gradients.push_back(step_folder(step) + "/gradient/" + p.name);
  units.push_back({UnitKind::nonfinite, {}, gradients, scalar + "nonfinite", one_element});
  units.push_back(
      {UnitKind::sum_of_squares, {}, gradients, scalar + "grad_norm_squared", one_element});
  units.push_back({UnitKind::square_root,
                   {},
                   {scalar + "grad_norm_squared"},
                   scalar + "grad_norm",
                   one_element});
  if (scenario.training.gradient_clipping == 0) return;
  units.push_back({UnitKind::clip_factor,
                   {.factor = scenario.training.gradient_clipping},
                   {scalar + "grad_norm"},
                   scalar + "clip_factor",
                   one_element});
}

}  // namespace shardproof::reference
