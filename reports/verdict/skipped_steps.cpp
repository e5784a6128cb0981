#include "reports/verdict/skipped_steps.hpp"

#include "reports/values/recorded_numbers.hpp"
#include "scenarios/precision/mean_over_replicas.hpp"

namespace shardproof::reports {

std::optional<double> recorded_scalar(const RecordedTrace& trace, const std::string& path,
                                      int rank) {
  const StoredDataset* stored = trace.dataset(path, rank);
  if (stored == nullptr || element_count(stored->info.regions) != 1) return std::nullopt;
  double value = 0;
  decode_recorded(stored->info.dtype, trace.reader().read(*stored), {&value, 1});
  return value;
}

std::string scalar_path(int step, const std::string& name) {
  return folder_of({Moment::Stage::step, step, -1}) + "/scalar/" + name;
}

bool is_set(const RecordedTrace& trace, const std::string& path, int rank) {
  return recorded_scalar(trace, path, rank).value_or(0) != 0;
}

reference::SkippedSteps skipped_steps(const Scenario& scenario, const RecordedTrace& trace) {
  reference::SkippedSteps skipped;
  if (!scenario.trains() || !scenario.training.check_grad_overflow) return skipped;
  for (int step = scenario.first_step; step < scenario.steps; ++step)
    for (int rank = 0; rank < trace.world(); ++rank)
      if (is_set(trace, scalar_path(step, "nonfinite"), rank)) skipped.insert(step);
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
