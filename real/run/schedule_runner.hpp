#pragma once

#include <functional>
#include <string>
#include <vector>

#include "real/run/checkpoint_actions.hpp"
#include "real/run/rank_executor.hpp"

namespace shardproof::real {

/// Walks the schedule of a program on one rank: which segment next, in which step, and what a
/// decision says. Like the executor it never blocks: advance() returns when other ranks must go
/// first.
class ScheduleRunner {
 public:
  using Progress = std::function<void(int steps_done, int steps)>;
  /// `host` does the host's actions; a schedule without them needs none.
  explicit ScheduleRunner(RankExecutor& executor, Progress progress = {},
                          CheckpointActions* host = nullptr);

  /// True when the whole schedule has run.
  bool advance();

 private:
  // A list of actions being walked, once or (for steps and micro-steps) several times.
  struct Frame {
    const std::vector<Action>* actions;
    std::size_t next = 0;
    Action::Kind repeats = Action::Kind::run;  // run: not a loop
    int iteration = 0;
    int iterations = 1;
  };

  void enter(const Action& action);
  void leave_or_repeat();
  void end_step();
  bool holds(ValueId decision) const;

  RankExecutor& executor_;
  Progress progress_;
  std::vector<Frame> frames_;
  Moment moment_;
  CheckpointActions* host_;
  bool running_ = false;     // a segment is under way
  bool host_acts_ = false;   // an action of the host is
  bool overflow_ = false;    // what was decided in this step
  bool step_ended_ = false;  // the step is over but for what the host does after it
};

}  // namespace shardproof::real
