#include "reports/units/unit_walk.hpp"

#include <algorithm>
#include <vector>

#include "reports/units/held_values.hpp"
#include "reports/units/judge_op.hpp"
#include "reports/units/meetings.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reports {

namespace {

// All but the leaves, which are compared with the scenario. A collective is judged where it is
// waited for, and that is one judgement.
bool must_be_judged(const Op& op) {
  return op.kind != OpKind::wait && row_of(op.kind).judge != Judge::leaf;
}

// Ops that are begun before what they need is done: enough to keep many threads at work.
constexpr int most_begun = 2048;

class Walk {
 public:
  Walk(const JudgeContext& context, const EngineTrace& trace, UnitMemo& memo,
       WalkFindings& findings, TensorTable& table)
      : trace_(trace),
        findings_(findings),
        held_(context.scenario, trace.world(), findings, batch_),
        meetings_(trace),
        judge_(context, trace, memo, held_, batch_, findings, table),
        next_(static_cast<std::size_t>(trace.world())) {}

  void run() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (int rank = 0; rank < trace_.world(); ++rank)
        while (!is_done(rank) && step(rank)) moved = true;
    }
    judge_what_is_known();
    report_standstill();
    report_unjudged();
  }

 private:
  std::size_t& next(int rank) { return next_[static_cast<std::size_t>(rank)]; }
  bool is_done(int rank) { return next(rank) == trace_.executed(rank).size(); }

  // One executed op; false if it waits for other ranks' inputs.
  bool step(int rank) {
    const OpOnRank at{trace_, rank, trace_.executed(rank)[next(rank)]};
    if (at.op().kind == OpKind::wait && !meetings_.ready(at)) return false;
    ++next(rank);
    Pulse::of_this_process().work_on(at.folder() + ": " + full_name(at.op()));
    const std::vector<SharedHeld> inputs = held_.read(at);
    if (is_collective(at.op().kind))
      meetings_.join(at, inputs.empty() ? nullptr : inputs[0]);
    else if (at.op().kind == OpKind::wait)
      leave(at);
    else
      judge_.begin(at, inputs, must_be_judged(at.op()));
    if (++begun_ == most_begun || batch_.is_full()) judge_what_is_known();
    return true;
  }

  void leave(const OpOnRank& wait) {
    if (const auto meeting = meetings_.leave(wait))
      judge_.begin(wait, *meeting);
    else
      judge_.accept_all(wait);
  }

  void judge_what_is_known() {
    batch_.finish();
    judge_.finish();
    begun_ = 0;
  }

  void report_standstill() {
    for (int rank = 0; rank < trace_.world(); ++rank)
      if (!is_done(rank))
        findings_.plan_units.fail(trace_.execution() + ": the collectives of rank " +
                                  std::to_string(rank) + " do not line up with its group's, from " +
                                  full_name(*trace_.executed(rank)[next(rank)].op) + " on");
  }

  void report_unjudged() {
    std::int64_t due = 0;
    for (int rank = 0; rank < trace_.world(); ++rank)
      due += std::ranges::count_if(trace_.executed(rank), [](const ExecutedOp& executed) {
        return must_be_judged(*executed.op);
      });
    if (judge_.judged() != due)
      findings_.plan_units.unknown(trace_.execution() + ": " + std::to_string(judge_.judged()) +
                                   " of the " + std::to_string(due) +
                                   " ops that must be judged were judged");
  }

  const EngineTrace& trace_;
  WalkFindings& findings_;
  Batch batch_;
  HeldValues held_;
  Meetings meetings_;
  OpJudge judge_;
  std::vector<std::size_t> next_;  // by rank: the place in its log
  int begun_ = 0;                  // since the batch was last run
};

}  // namespace

void walk_units(const JudgeContext& context, const EngineTrace& trace, UnitMemo& memo,
                WalkFindings& findings, TensorTable& table) {
  Walk(context, trace, memo, findings, table).run();
}

}  // namespace shardproof::reports
