#include "reports/verdict/skipped_steps.hpp"

#include "scenarios/precision/mean_over_replicas.hpp"

namespace shardproof::reports {

bool is_set(const RecordedTrace& trace, const std::string& path, int rank) {
  const StoredDataset* flag = trace.dataset(path, rank);
  if (flag == nullptr || element_count(flag->info.regions) != 1) return false;
  double value = 0;
  decode(flag->info.dtype, trace.reader().read(*flag), {&value, 1});
  return !(value == 0);
}

reference::SkippedSteps skipped_steps(const Scenario& scenario, const RecordedTrace& trace) {
  reference::SkippedSteps skipped;
  if (!scenario.trains() || !scenario.training.check_grad_overflow) return skipped;
  for (int step = scenario.first_step; step < scenario.steps; ++step)
    for (int rank = 0; rank < trace.world(); ++rank)
      if (is_set(trace, folder_of({Moment::Stage::step, step, -1}) + "/scalar/nonfinite", rank))
        skipped.insert(step);
  return skipped;
}

ExpectedOfTrace::ExpectedOfTrace(const JudgeContext& context, const RecordedTrace& trace)
    : skipped_(skipped_steps(context.scenario, trace)),
      end_(context.scenario, trace),
      all_(context.units) {
  if (!follows_all())
    own_ =
        reference::expected_units(context.scenario, mean_over_replicas(context.scenario), skipped_);
  std::erase_if(own_, [&](const auto& unit) { return !end_.is_past(moment_of(unit.output)); });
}

}  // namespace shardproof::reports
