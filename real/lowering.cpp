#include "real/lowering.hpp"

#include <optional>

#include "real/layers/network.hpp"
#include "real/layers/round_trip.hpp"
#include "real/optimizer/gradient_sync.hpp"
#include "real/optimizer/sharded_optimizer.hpp"

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

void lower_begin_step(Builder& builder) {
  builder.open_segment("begin_step");
  for (const ParameterDescription& parameter : builder.model().parameters) {
    const auto [module, leaf] = split_parameter_name(parameter.name);
    builder.append(OpKind::zero, module, "data", "zero_" + leaf, {},
                   {builder.accumulator(parameter.name)});
  }
}

void lower_micro_step(Builder& builder, FamilyLowering model) {
  builder.open_segment("micro_step");
  Network net(builder);
  const ValueId logits = model(net, net.tokens());
  if (!builder.scenario().trains()) return;
  net.cross_entropy(logits);
  net.backward();
}

/// The segments of a step, and the actions that run them.
std::vector<Action> lower_training_step(Builder& builder, FamilyLowering model,
                                        const FlatPartition& partition,
                                        ShardedOptimizer& optimizer) {
  lower_begin_step(builder);
  lower_micro_step(builder, model);
  builder.open_segment("reduce");
  const std::vector<ValueId> gradients = lower_gradient_sync(builder, partition);
  const ValueId nonfinite = optimizer.lower_gradient_check(builder, gradients);
  builder.program().value(nonfinite).lifetime = Lifetime::state;  // read by the decision
  builder.open_segment("update");
  optimizer.lower_update(builder);

  Action decide;
  decide.kind = Action::Kind::decide;
  decide.value = nonfinite;
  decide.otherwise.push_back(run("update"));
  // A step with non-finite gradients is skipped by all ranks: weights and moments stay as they are.
  const bool skips = builder.scenario().training.check_grad_overflow;
  return {run("begin_step"), of_kind(Action::Kind::repeat_micro_steps, {run("micro_step")}),
          run("reduce"), skips ? decide : run("update")};
}

std::vector<Action> lower_inference_step(Builder& builder, FamilyLowering model) {
  lower_micro_step(builder, model);
  return {of_kind(Action::Kind::repeat_micro_steps, {run("micro_step")})};
}

}  // namespace

Program lower(const Scenario& scenario) {
  return lower(scenario, family_lowering(scenario.model.family));
}

Program lower(const Scenario& scenario, FamilyLowering model) {
  Builder builder(scenario);

  builder.open_segment("initialize");
  builder.declare_parameters();
  std::optional<FlatPartition> partition;
  std::optional<ShardedOptimizer> optimizer;
  if (scenario.trains()) {
    partition = make_flat_partition(builder);
    optimizer.emplace(builder, *partition);
  }

  std::vector<Action> schedule{run("initialize")};
  const auto append = [&](std::vector<Action> actions) {
    for (Action& action : actions) schedule.push_back(std::move(action));
  };
  const std::vector<Action> round_trip = lower_round_trip(builder);
  append(round_trip);
  append(lower_edited_round_trip(builder));

  schedule.push_back(of_kind(Action::Kind::repeat_steps,
                             optimizer ? lower_training_step(builder, model, *partition, *optimizer)
                                       : lower_inference_step(builder, model)));
  append(round_trip);
  builder.program().schedule = std::move(schedule);
  return builder.take();
}

}  // namespace shardproof::real
