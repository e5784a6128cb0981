#include "reports/verdict/run_end.hpp"

#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

std::string data_check_path(const Moment& micro_step) {
  return folder_of(micro_step) + "/data/inconsistent";
}

bool checks_data(const Scenario& scenario) { return scenario.parallel.tensor_parallel > 1; }

RunEnd::RunEnd(const Scenario& scenario, const RecordedTrace& trace) {
  if (trace.failure())
    at_ = trace.failure()->moment;
  else if (checks_data(scenario))
    find_data_check(scenario, trace);
}

void RunEnd::find_data_check(const Scenario& scenario, const RecordedTrace& trace) {
  for (int step = scenario.first_step; step < scenario.steps; ++step)
    for (int micro = 0; micro < scenario.training.accumulation; ++micro) {
      const Moment moment{Moment::Stage::step, step, micro};
      for (int rank = 0; rank < trace.world(); ++rank)
        if (is_set(trace, data_check_path(moment), rank)) {
          at_ = moment;
          by_data_check_ = true;
          return;
        }
    }
}

bool RunEnd::is_past(const Moment& moment) const {
  if (!at_) return true;
  if (moment.stage != at_->stage) return moment.stage < at_->stage;
  if (moment.stage != Moment::Stage::step) return false;
  if (moment.step != at_->step) return moment.step < at_->step;
  // What belongs to the step as a whole comes after its micro-steps.
  return moment.micro >= 0 && (at_->micro < 0 || moment.micro < at_->micro);
}

}  // namespace shardproof::reports
