#include "real/lowering/lowering.hpp"

#include <memory>
#include <optional>

#include "real/builder/data_check.hpp"
#include "real/lowering/round_trip.hpp"
#include "real/models/network.hpp"
#include "real/optimizer/gradient_norm.hpp"
#include "real/optimizer/sharded_optimizer.hpp"
#include "real/optimizer/zero_stage.hpp"

namespace shardproof::real {

namespace {

Action run(const std::string& segment) {
  Action action;
  action.segment = segment;
  return action;
}

Action of_kind(Action::Kind kind, std::vector<Action> body) {
  Action action;
  action.kind = kind;
  action.body = std::move(body);
  return action;
}

/// The segments of a micro-step, and the action that repeats them.
Action lower_micro_steps(Builder& builder, FamilyLowering model, ZeroStage* zero) {
  std::vector<Action> actions;
  std::optional<ValueId> tokens;
  if (builder.tp() > 1) {
    const DataCheck check = lower_data_check(builder);
    tokens = check.tokens;
    actions.push_back(run("data_check"));
    actions.push_back(of_kind(Action::Kind::decide, {of_kind(Action::Kind::abort, {})}));
    actions.back().value = check.inconsistent;
  }
  actions.push_back(run("micro_step"));
  builder.open_segment("micro_step");
  Network net(builder, [zero](const std::string& parameter, ValueId gradient) {
    zero->lower_gradient(parameter, gradient);
  });
  const ValueId logits = model(net, tokens ? net.tokens(*tokens) : net.tokens());
  if (zero != nullptr) {
    net.loss(logits);
    net.backward();
    zero->lower_end_of_micro_step();
  }
  return of_kind(Action::Kind::repeat_micro_steps, std::move(actions));
}

/// What the host saves after some steps, and reads back after one.
std::vector<Action> lower_checkpoints(const CheckpointConfig& checkpoint) {
  std::vector<Action> actions;
  const auto host = [&](const std::string& name, const std::vector<int>& counts) {
    actions.push_back(of_kind(Action::Kind::host, {}));
    actions.back().host = name;
    for (const int steps_done : counts) actions.back().steps.push_back(steps_done - 1);
  };
  if (!checkpoint.save_after.empty()) host("save_checkpoint", checkpoint.save_after);
  if (checkpoint.resume_after > 0) host("load_checkpoint", {checkpoint.resume_after});
  return actions;
}

/// What a training run adds to its parameters.
struct Optimization {
  explicit Optimization(Builder& builder)
      : zero(make_zero_stage(builder)), optimizer(builder, zero->partition()) {}

  std::unique_ptr<ZeroStage> zero;
  ShardedOptimizer optimizer;
};

/// The segments of a step, and the actions that run them.
std::vector<Action> lower_training_step(Builder& builder, FamilyLowering model,
                                        Optimization& optimization) {
  builder.open_segment("begin_step");
  optimization.zero->lower_begin_step();
  for (const ValueId scale : builder.loss_scale())
    builder.append(OpKind::load_scalar, "optimizer", Phase::data, "load_loss_scale", {}, {scale},
                   {{"scalar", std::string("loss_scale")}});
  Action micro_steps = lower_micro_steps(builder, model, optimization.zero.get());
  builder.open_segment("reduce");
  const std::vector<ValueId> gradients = optimization.zero->lower_boundary();
  const ValueId nonfinite = lower_nonfinite(builder, gradients);
  builder.program().value(nonfinite).lifetime = Lifetime::state;  // read by the decision
  builder.open_segment("update");
  optimization.optimizer.lower_update(builder, gradients);

  Action decide;
  decide.kind = Action::Kind::decide;
  decide.value = nonfinite;
  decide.otherwise.push_back(run("update"));
  // A step with non-finite gradients is skipped by all ranks: weights and moments stay as they are.
  const bool skips = builder.scenario().training.check_grad_overflow;
  std::vector<Action> step{run("begin_step"), std::move(micro_steps), run("reduce"),
                           skips ? decide : run("update")};
  for (Action& action : lower_checkpoints(builder.scenario().checkpoint))
    step.push_back(std::move(action));
  return step;
}

std::vector<Action> lower_inference_step(Builder& builder, FamilyLowering model) {
  return {lower_micro_steps(builder, model, nullptr)};
}

}  // namespace

Program lower(const Scenario& scenario) {
  return lower(scenario, family_lowering(scenario.model.family));
}

Program lower(const Scenario& scenario, FamilyLowering model) {
  Builder builder(scenario);

  builder.open_segment("initialize");
  builder.declare_parameters();
  std::optional<Optimization> optimization;
  if (scenario.trains()) optimization.emplace(builder);

  std::vector<Action> schedule{run("initialize")};
  const auto append = [&](std::vector<Action> actions) {
    for (Action& action : actions) schedule.push_back(std::move(action));
  };
  const std::vector<Action> round_trip = lower_round_trip(builder);
  append(round_trip);
  append(lower_edited_round_trip(builder));

  schedule.push_back(of_kind(Action::Kind::repeat_steps,
                             optimization ? lower_training_step(builder, model, *optimization)
                                          : lower_inference_step(builder, model)));
  append(round_trip);
  builder.program().schedule = std::move(schedule);
  return builder.take();
}

}  // namespace shardproof::real
