#include "reports/verdict/run_end.hpp"

#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

std::string data_check_path(const Moment& micro_step) {
  return folder_of(micro_step) + "/data/inconsistent";
}

bool checks_data(const Scenario& scenario) { return scenario.parallel.tensor_parallel > 1; }

RunEnd::RunEnd(const Scenario& scenario, const RecordedTrace& trace) {
  if (!checks_data(scenario)) return;
  for (int step = scenario.first_step; step < scenario.steps; ++step)
    for (int micro = 0; micro < scenario.training.accumulation; ++micro) {
      const Moment moment{Moment::Stage::step, step, micro};
      for (int rank = 0; rank < trace.world(); ++rank)
        if (is_set(trace, data_check_path(moment), rank)) {
          at_ = moment;
          return;
        }
    }
}

bool RunEnd::is_past(const Moment& moment) const {
  if (!at_ || moment.stage == Moment::Stage::initial) return true;
  if (moment.stage == Moment::Stage::final || moment.step > at_->step) return false;
  if (moment.step < at_->step) return true;
  return moment.micro >= 0 && moment.micro < at_->micro;
}

}  // namespace shardproof::reports
