#include "reports/checks/skipping.hpp"

#include <algorithm>

#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

namespace {

bool updates(const Program& program, const ExecutedOp& executed) {
  return std::ranges::any_of(executed.op->outputs,
                             [&](ValueId id) { return outlives_step(program.value(id)); });
}

// The first op of a step that changes what outlives it; nullptr if none did, or if no log tells it.
const ExecutedOp* update_of(const RecordedTrace& trace, int rank, const Moment& moment) {
  if (trace.engine() == nullptr) return nullptr;
  for (const ExecutedOp& executed : trace.engine()->executed(rank))
    if (executed.moment == moment && updates(trace.engine()->program(rank), executed))
      return &executed;
  return nullptr;
}

// The decision is wrong, not the ops that follow from it: the failure is at the flag's op.
Failure at_the_flag(const RecordedTrace& trace, int step, int rank) {
  const Moment moment{Moment::Stage::step, step, -1};
  const std::string path = folder_of(moment) + "/scalar/nonfinite";
  if (const StoredDataset* flag = trace.dataset(path, rank)) {
    Comparison none;
    none.first_failed = 0;
    none.got = 1;
    Failure failure = failure_of(trace, *flag, none);
    failure.divergence.wrong_elements = 0;
    return failure;
  }
  return failure_at(trace, rank, moment);
}

}  // namespace

void check_skipping(const JudgeContext& context, const RecordedTrace& trace, Tally& tally,
                    Findings& findings) {
  for (const int step : skipped_steps(context.scenario, trace))
    for (int rank = 0; rank < trace.world(); ++rank) {
      const ExecutedOp* update = update_of(trace, rank, {Moment::Stage::step, step, -1});
      const bool updated = update != nullptr;
      tally.add(1, updated || !context.scenario.overflow_expected ? 1 : 0, Proof::bitwise);
      if (updated)
        findings.add(at_the_flag(trace, step, rank),
                     "its gradients are not finite, and the rank updated all the same: it ran " +
                         full_name(*update->op));
      else if (!context.scenario.overflow_expected)
        findings.add(at_the_flag(trace, step, rank),
                     "its gradients are not finite: the step was skipped, which a scenario must "
                     "expect (\"overflow\": \"expected\")");
    }
}

}  // namespace shardproof::reports
