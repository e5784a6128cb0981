#include "reports/verdict/step_errors.hpp"

namespace shardproof::reports {

void StepErrors::add(const UnitPlace& place, const Comparison& comparison, Proof proof) {
  if (place.moment.stage != Moment::Stage::step || comparison.compared == 0) return;
  StepError& step = steps_[{place.execution, place.moment.step}];
  step.execution = place.execution;
  step.step = place.moment.step;
  step.failed = step.failed || comparison.failed > 0;
  if (proof == Proof::bitwise) return;
  if (!step.tensor.empty() && comparison.max_ratio <= step.max_ratio) return;
  step.max_ratio = comparison.max_ratio;
  step.tensor = folder_of(place.moment) + "/" + place.name;
  step.rank = place.rank;
}

std::vector<StepError> StepErrors::steps() const {
  std::vector<StepError> steps;
  for (const auto& [key, step] : steps_) steps.push_back(step);
  return steps;
}

}  // namespace shardproof::reports
