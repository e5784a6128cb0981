#include "reference/step_units.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

void append_reduction(const Scenario& scenario, int step, std::vector<Unit>& units) {
  const std::string last =
      folder_of({Moment::Stage::step, step, scenario.training.accumulation - 1});
  const UnitAttributes form{.mean_form = scenario.training.zero_stage == 0
                                             ? MeanForm::multiply_after
                                             : MeanForm::divide_before};
  for (const ParameterDescription& p : scenario.model.parameters)
    units.push_back({UnitKind::mean,
                     form,
                     {last + "/accumulator/" + p.name},
                     step_folder(step) + "/gradient/" + p.name,
                     p.shape});
}

}  // namespace shardproof::reference
