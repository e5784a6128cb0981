#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/config/trainer/fill_auto.hpp"
#include "scenarios/settings/scheduler.hpp"

namespace shardproof {

/// A DeepSpeed config, and what the client, the program that trains with DeepSpeed, adds to it.
///
/// The client is Hugging Face's Trainer where the config has an "auto" or the scenario a "trainer":
/// then "auto" is filled in (fill_auto), a config without "scheduler" runs TrainingArguments'
/// lr_scheduler_type, and one without "optimizer" its AdamW, which does not decay biases and norms.
/// Else it is any program: a config without "optimizer" runs the scenario's "optimizer", or
/// torch.optim.AdamW by torch's defaults.
struct ClientConfig {
  JsonValue deepspeed;                      // with an optimizer, and without "auto" that counts
  std::optional<SchedulerConfig> schedule;  // of Trainer, where the config has none
  JsonValue groups;                         // "parameter_groups" of Trainer's optimizer, or null
  std::vector<std::string> filled;          // "gradient_clipping = 1 (max_grad_norm)"
  std::vector<std::string> notices;         // each source of numbers that the config does not name
};

/// What the scenario says of the client: objects, or nullptr.
struct ClientKeys {
  const JsonValue* trainer = nullptr;
  const JsonValue* optimizer = nullptr;
};

/// Throws ScenarioError with the place of what is wrong in the two keys, or does not fit `config`.
ClientConfig client_config(JsonValue config, const ClientKeys& keys, const TrainedRun& run);

/// The "trainer" that gives a schedule of Trainer's, or null where it is none.
JsonValue trainer_to_json(const SchedulerConfig& schedule);

}  // namespace shardproof
