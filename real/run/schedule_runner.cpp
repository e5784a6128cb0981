#include "real/run/schedule_runner.hpp"

#include <algorithm>
#include <utility>

#include "scenarios/errors.hpp"

namespace shardproof::real {

ScheduleRunner::ScheduleRunner(RankExecutor& executor, Progress progress, CheckpointActions* host)
    : executor_(executor), progress_(std::move(progress)), host_(host) {
  frames_.push_back({.actions = &executor.program().schedule});
}

bool ScheduleRunner::advance() {
  while (true) {
    if (running_) {
      if (!executor_.advance()) return false;
      running_ = false;
    }
    if (host_acts_) {
      if (!host_->advance()) return false;
      host_acts_ = false;
    }
    if (frames_.empty()) return true;
    Frame& frame = frames_.back();
    if (frame.next == frame.actions->size()) {
      leave_or_repeat();
    } else {
      enter((*frame.actions)[frame.next++]);
    }
  }
}

void ScheduleRunner::enter(const Action& action) {
  const auto push = [&](const std::vector<Action>& actions) {
    frames_.push_back({.actions = &actions});
  };
  switch (action.kind) {
    case Action::Kind::run: {
      const auto variant = std::find_if(
          action.variants.begin(), action.variants.end(),
          [&](const Action::Variant& v) { return v.runs_in(moment_.step, moment_.micro); });
      executor_.begin(variant == action.variants.end() ? action.segment : variant->segment,
                      moment_);
      running_ = true;
      return;
    }
    case Action::Kind::repeat_steps:
      push(action.body);
      frames_.back().repeats = action.kind;
      frames_.back().iterations = executor_.program().steps;
      moment_ = {Moment::Stage::step, executor_.program().first_step, -1};
      return;
    case Action::Kind::repeat_micro_steps:
      push(action.body);
      frames_.back().repeats = action.kind;
      frames_.back().iterations = executor_.program().accumulation;
      moment_.micro = 0;
      return;
    case Action::Kind::decide:
      overflow_ = holds(action.value);
      push(overflow_ ? action.body : action.otherwise);
      return;
    case Action::Kind::host:
      if (std::find(action.steps.begin(), action.steps.end(), moment_.step) == action.steps.end())
        return;
      SHARDPROOF_EXPECTS(host_ != nullptr, action.host);
      end_step();
      host_->begin(action.host, moment_.step + 1);
      host_acts_ = true;
      return;
    case Action::Kind::abort: frames_.clear(); return;
  }
}

void ScheduleRunner::leave_or_repeat() {
  Frame& frame = frames_.back();
  ++frame.iteration;
  if (frame.repeats == Action::Kind::repeat_steps) {
    end_step();
    step_ended_ = false;
    if (progress_) progress_(frame.iteration, frame.iterations);
  }
  if (frame.iteration < frame.iterations) {
    frame.next = 0;
    ++(frame.repeats == Action::Kind::repeat_steps ? moment_.step : moment_.micro);
    return;
  }
  if (frame.repeats == Action::Kind::repeat_steps) moment_ = {Moment::Stage::final, -1, -1};
  if (frame.repeats == Action::Kind::repeat_micro_steps) moment_.micro = -1;
  frames_.pop_back();
}

void ScheduleRunner::end_step() {
  if (std::exchange(step_ended_, true)) return;
  executor_.end_step(moment_, std::exchange(overflow_, false));
}

bool ScheduleRunner::holds(ValueId decision) const {
  const std::vector<double> values = executor_.read(decision);
  // NaN is not zero either: a decision that cannot be read is taken as the exceptional one.
  return std::any_of(values.begin(), values.end(), [](double v) { return !(v == 0.0); });
}

}  // namespace shardproof::real
