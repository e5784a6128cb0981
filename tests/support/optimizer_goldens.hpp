#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scenarios/config/deepspeed/deepspeed_config.hpp"
#include "scenarios/config/deepspeed/scheduler_config.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/scenario.hpp"

/// What torch and DeepSpeed computed (tests/oracle/optimizers_golden.py,
/// deepspeed_scalars_golden.py), with the configs that say the same to us.
namespace shardproof::tests {

/// The cases of oracle/vectors/optimizers.safetensors, but for dampened momentum, which we refuse.
inline std::vector<std::pair<std::string, OptimizerConfig>> torch_cases() {
  using Kind = OptimizerConfig::Kind;
  const OptimizerConfig adamw{
      .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1};
  OptimizerConfig eps = adamw, adam = adamw, sgd = adamw;
  eps.beta1 = 0.8;
  eps.beta2 = 0.999;
  eps.epsilon = 1e-2;
  adam.kind = Kind::adam;
  sgd.kind = Kind::sgd;
  OptimizerConfig momentum = sgd;
  momentum.momentum = 0.9;
  OptimizerConfig nesterov = momentum;
  nesterov.nesterov = true;
  return {{"adamw", adamw}, {"adamw-eps", eps},         {"adam", adam},
          {"sgd", sgd},     {"sgd-momentum", momentum}, {"sgd-nesterov", nesterov}};
}

/// The cases of oracle/vectors/torch_adam.safetensors: in fp32 and fp64, to the last bit.
inline std::vector<std::pair<std::string, OptimizerConfig>> torch_form_cases() {
  const OptimizerConfig adamw{.form = OptimizerConfig::Form::torch, .weight_decay = 0.1};
  OptimizerConfig eps = adamw, long_way = adamw, adam = adamw;
  eps.beta1 = 0.8;
  eps.beta2 = 0.95;
  eps.epsilon = 1e-2;
  long_way.beta1 = 0.3;
  long_way.beta2 = 0.6;
  adam.kind = OptimizerConfig::Kind::adam;
  OptimizerConfig adamw_alone = adamw, adam_alone = adam;
  adamw_alone.weight_decay = adam_alone.weight_decay = 0;
  return {{"adamw", adamw}, {"adamw-no-decay", adamw_alone}, {"adamw-eps", eps},
          {"adam", adam},   {"adam-no-decay", adam_alone},   {"adamw-long-way", long_way}};
}

struct Schedule {
  TrainingConfig config;
  std::vector<double> learning_rates;  // of the updates 0, 1, ...
};

/// oracle/vectors/deepspeed/lr_schedules.json, its sections read as a user's.
inline std::vector<Schedule> deepspeed_schedules() {
  std::vector<Schedule> schedules;
  const JsonValue file = read_json("oracle/vectors/deepspeed/lr_schedules.json");
  for (const JsonValue& of : file.find("cases")->elements) {
    JsonValue scheduler = JsonValue::object();
    scheduler.set("type", *of.find("type")).set("params", *of.find("params"));
    JsonValue params = JsonValue::object();
    params.set("lr", *of.find("optimizer_lr"));
    JsonValue optimizer = JsonValue::object();
    optimizer.set("type", "SGD").set("params", params);
    JsonValue config = JsonValue::object();
    config.set("train_micro_batch_size_per_gpu", 1)
        .set("optimizer", optimizer)
        .set("scheduler", scheduler);
    Schedule schedule{deepspeed_from_json(config, 1), {}};
    for (const JsonValue& rate : of.find("learning_rates")->elements)
      schedule.learning_rates.push_back(rate.number);
    schedules.push_back(std::move(schedule));
  }
  return schedules;
}

/// oracle/vectors/trainer_schedules.json, read as a scenario's.
inline std::vector<Schedule> trainer_schedules() {
  std::vector<Schedule> schedules;
  const JsonValue file = read_json("oracle/vectors/trainer_schedules.json");
  for (const JsonValue& of : file.find("cases")->elements) {
    Schedule schedule;
    schedule.config.optimizer.learning_rate = of.find("optimizer_lr")->number;
    SchedulerConfig& scheduler = schedule.config.scheduler;
    scheduler.kind = *from_name<SchedulerConfig::Kind>(of.find("type")->text);
    scheduler.warmup_steps = of.find("warmup_steps")->integer;
    scheduler.total_steps = of.find("total_steps")->integer;
    for (const JsonValue& rate : of.find("learning_rates")->elements)
      schedule.learning_rates.push_back(rate.number);
    schedules.push_back(std::move(schedule));
  }
  return schedules;
}

}  // namespace shardproof::tests
