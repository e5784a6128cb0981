#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "scenarios/json/json_document.hpp"

namespace shardproof {

/// Hugging Face's TrainingArguments, as far as they decide numbers. Defaults are those of
/// transformers 4.57.6 (transformers/training_args.py).
struct TrainerArguments {
  static constexpr const char* version = "transformers 4.57.6";

  std::int64_t per_device_train_batch_size = 8;
  std::int64_t gradient_accumulation_steps = 1;
  double learning_rate = 5e-5;
  double weight_decay = 0;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_grad_norm = 1;
  bool bf16 = false;
  bool fp16 = false;
  std::string lr_scheduler_type = "linear";  // or "cosine", "constant"
  std::int64_t warmup_steps = 0;             // 0: by the ratio
  double warmup_ratio = 0;                   // of all steps

  std::set<std::string> given;  // those that are no defaults

  /// Steps of warming up in a training of `steps`: get_warmup_steps.
  std::int64_t warmup_of(std::int64_t steps) const;
};

/// The scenario's "trainer", an object of the above by their names; nullptr: all defaults. Throws
/// ScenarioError with the place of what is wrong.
TrainerArguments trainer_from_json(const JsonValue* section);

}  // namespace shardproof
