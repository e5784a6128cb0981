#include "scenarios/precision/shadow.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"
#include "scenarios/plan/edits.hpp"
#include "scenarios/precision/precision.hpp"

namespace shardproof {

namespace {

bool acts_within(const Injection& injection, int steps) {
  return injection.steps.empty() ||
         std::ranges::any_of(injection.steps, [&](int step) { return step < steps; });
}

// A dtype on a wire, a bit of a number, and what a checkpoint keeps are others in fp64; streams
// are a GPU's.
bool can_be_in_fp64(const Injection& injection) {
  constexpr EditKind others[] = {EditKind::retype, EditKind::not_restored, EditKind::drop_wait,
                                 EditKind::restream};
  return std::ranges::find(others, injection.edit) == std::end(others) &&
         !flipped_bit(injection.value);
}

// The program may lack the op: a cast, or what a loss scale needs. Some ops are there by an earlier
// edit.
bool fit(const std::vector<Injection>& injections, const Program& program) {
  try {
    for (int rank = 0; rank < program.grid().world(); ++rank)
      apply_injections(program, injections, Rank{rank});
    return true;
  } catch (const ScenarioError&) {
    return false;
  }
}

void leave_out_edits(Shadow& shadow, const Program& program) {
  std::vector<Injection> kept;
  std::erase_if(shadow.scenario.inject, [&](const Injection& injection) {
    kept.push_back(injection);
    const bool stays = acts_within(injection, shadow.scenario.steps) && can_be_in_fp64(injection) &&
                       fit(kept, program);
    if (!stays) kept.pop_back();
    if (!stays)
      shadow.left_out.push_back(std::string("the edit ") + name_of(injection.edit) + " of " +
                                injection.op);
    return !stays;
  });
}

// What depends on a dtype that it has not, or is no arithmetic at all.
void leave_out_settings(Shadow& shadow) {
  Scenario& scenario = shadow.scenario;
  const auto say = [&](bool has_it, const char* what) {
    if (has_it) shadow.left_out.push_back(what);
  };
  say(scenario.trains() && scenario.training.working == Dtype::fp16, "the loss scale");
  say(!scenario.checkpoint.save_after.empty(), "what is saved");
  say(!scenario.resume.empty(), "the checkpoint that the run goes on from");
  const bool divided_before = precision_policy(scenario).divide_before;
  scenario.compute_in_fp64();
  say(scenario.trains() && precision_policy(scenario).divide_before != divided_before,
      "the mean as a factor after the sum");
  scenario.checkpoint = {};
  scenario.resume.clear();
}

}  // namespace

Shadow shadow_of(const Scenario& scenario, const std::function<Program(const Scenario&)>& lower) {
  SHARDPROOF_EXPECTS(scenario.why_without_shadow().empty(), scenario.name);
  Shadow shadow{scenario, {}};
  Scenario& of = shadow.scenario;
  const int steps = scenario.steps - scenario.first_step;
  of.steps = scenario.shadow.value_or(false) ? steps : 1;
  of.first_step = 0;
  if (of.steps < steps) shadow.left_out.push_back("all steps but the first");
  of.executions = {Execution::sim};
  of.platform = Platform::mpi;
  of.gpu_schedule.clear();
  of.shadow.reset();
  of.notices.clear();
  leave_out_settings(shadow);
  if (!of.inject.empty()) leave_out_edits(shadow, lower(of));
  return shadow;
}

}  // namespace shardproof
