#include "scenarios/config/trainer/trainer_arguments.hpp"

#include <cmath>

#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

constexpr IntegerRange kCount{1, 1'000'000};
constexpr IntegerRange kSteps{0, std::int64_t{1} << 53};
constexpr NumberRange kNotNegative{.lowest = 0};
constexpr NumberRange kShare{.lowest = 0, .highest = 1};

void read_optimizer(ObjectReader& reader, TrainerArguments& arguments) {
  // The second is the default, which rounds otherwise on a GPU; both are run in the first's form.
  reader.one_of("optim", "adamw_torch", {"adamw_torch", "adamw_torch_fused"});
  arguments.learning_rate = reader.number("learning_rate", arguments.learning_rate, kNotNegative);
  arguments.weight_decay = reader.number("weight_decay", arguments.weight_decay, kNotNegative);
  arguments.adam_beta1 = reader.number("adam_beta1", arguments.adam_beta1, kShare);
  arguments.adam_beta2 = reader.number("adam_beta2", arguments.adam_beta2, kShare);
  arguments.adam_epsilon =
      reader.number("adam_epsilon", arguments.adam_epsilon, {.lowest = 0, .above_lowest = true});
  arguments.max_grad_norm = reader.number("max_grad_norm", arguments.max_grad_norm, kNotNegative);
}

void read_schedule(ObjectReader& reader, TrainerArguments& arguments) {
  arguments.lr_scheduler_type = reader.one_of("lr_scheduler_type", arguments.lr_scheduler_type,
                                              {"linear", "cosine", "constant"});
  arguments.warmup_steps = reader.integer("warmup_steps", arguments.warmup_steps, kSteps);
  arguments.warmup_ratio = reader.number("warmup_ratio", arguments.warmup_ratio, kShare);
}

}  // namespace

std::int64_t TrainerArguments::warmup_of(std::int64_t steps) const {
  if (warmup_steps > 0) return warmup_steps;
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(steps) * warmup_ratio));
}

TrainerArguments trainer_from_json(const JsonValue* section) {
  static const JsonValue none = JsonValue::object();
  ObjectReader reader(section ? *section : none, "trainer");
  TrainerArguments arguments;
  arguments.per_device_train_batch_size =
      reader.integer("per_device_train_batch_size", arguments.per_device_train_batch_size, kCount);
  arguments.gradient_accumulation_steps =
      reader.integer("gradient_accumulation_steps", arguments.gradient_accumulation_steps, kCount);
  read_optimizer(reader, arguments);
  read_schedule(reader, arguments);
  arguments.bf16 = reader.boolean("bf16", arguments.bf16);
  arguments.fp16 = reader.boolean("fp16", arguments.fp16);
  if (arguments.bf16 && arguments.fp16)
    refuse_value(*reader.find("fp16"), "trainer.fp16", "bf16 is true too: keep one of them");
  reader.finish();
  for (const JsonMember& member : reader.object().members)
    if (!member.value.is_null()) arguments.given.insert(member.key);
  return arguments;
}

}  // namespace shardproof
