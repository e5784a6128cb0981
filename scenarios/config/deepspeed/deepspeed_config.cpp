#include "scenarios/config/deepspeed/deepspeed_config.hpp"

#include "scenarios/config/deepspeed/deepspeed_keys.hpp"
#include "scenarios/config/deepspeed/optimizer_config.hpp"
#include "scenarios/config/deepspeed/precision_config.hpp"
#include "scenarios/config/deepspeed/scheduler_config.hpp"
#include "scenarios/config/deepspeed/tensor_parallel_config.hpp"
#include "scenarios/config/deepspeed/unknown_keys.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

constexpr IntegerRange kCount{1, 1'000'000};
constexpr NumberRange kNotNegative{.lowest = 0};
constexpr const char* kNoStage3 = "partitioned parameters are not implemented: expected 0, 1 or 2";

// Of no effect where nothing is updated (see update_keys() for those that need no code of their
// own).
constexpr const char* kUpdate[] = {"optimizer",
                                   "zero_optimization",
                                   "gradient_clipping",
                                   "gradient_accumulation_steps",
                                   "communication_data_type",
                                   "data_types",
                                   "scheduler"};

// Buckets of stages 1 and 2 may overlap; DeepSpeed's default is true for stage 3 only.
void read_overlap(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  const JsonValue* given = reader.find("overlap_comm");
  if (!given || given->is_null()) return;
  const bool overlap = as_bool(*given, reader.name("overlap_comm"));
  deepspeed.overlap_comm = overlap && deepspeed.zero_stage > 0;
  if (overlap && deepspeed.zero_stage == 0)
    deepspeed.without_effect.push_back(reader.name("overlap_comm"));
}

// Where the states or the parameters are kept: a key without effect beside device none.
void read_offload(ObjectReader& zero, const char* key, DeepSpeedConfig& deepspeed) {
  const JsonValue* section = zero.find(key);
  if (!section) return;
  ObjectReader reader(*section, zero.name(key));
  apply(offload_keys(), reader, deepspeed.without_effect);
  reader.finish();
}

void read_round_robin(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  const JsonValue* given = reader.find("round_robin_gradients");
  deepspeed.round_robin_gradients =
      given && !given->is_null() && as_bool(*given, reader.name("round_robin_gradients"));
}

// An order among owners is none where each replica owns everything: without ZeRO, and alone. Nor
// has BF16_Optimizer one, which DeepSpeed takes for stage 1 in bf16 with fp32 sums.
void settle_round_robin(int replicas, DeepSpeedConfig& deepspeed) {
  const bool bf16_optimizer = deepspeed.zero_stage == 1 && deepspeed.working == Dtype::bf16 &&
                              deepspeed.accumulate == Dtype::fp32;
  if (!deepspeed.round_robin_gradients) return;
  if (deepspeed.zero_stage > 0 && replicas > 1 && !bf16_optimizer) return;
  deepspeed.round_robin_gradients = false;
  deepspeed.without_effect.push_back("zero_optimization.round_robin_gradients");
}

void read_zero(ObjectReader& top, DeepSpeedConfig& deepspeed) {
  const JsonValue* given = top.find("zero_optimization");
  if (given && given->is_boolean())  // the spelling of DeepSpeed's first releases
    refuse_value(*given, "zero_optimization",
                 "expected {\"stage\": 0}, {\"stage\": 1} or {\"stage\": 2}");
  ObjectReader reader = top.section("zero_optimization");
  // As int, 2^32 would be stage 0.
  const std::int64_t stage = reader.integer("stage", 0);
  if (stage == 3) refuse_unimplemented(*reader.find("stage"), reader.name("stage"), kNoStage3);
  if (stage < 0 || stage > 3)
    refuse_value(*reader.find("stage"), reader.name("stage"), "expected 0, 1 or 2");
  deepspeed.zero_stage = static_cast<int>(stage);
  deepspeed.reduce_bucket_size = reader.integer("reduce_bucket_size", deepspeed.reduce_bucket_size,
                                                {1, std::int64_t{1} << 53});
  read_overlap(reader, deepspeed);
  for (const char* key : {"offload_param", "offload_optimizer"})
    read_offload(reader, key, deepspeed);
  read_round_robin(reader, deepspeed);
  apply(zero_optimization_keys(), reader, deepspeed.without_effect);
  reader.finish();
}

// How gradients come about, and what becomes of them.
void read_update(ObjectReader& top, DeepSpeedConfig& deepspeed) {
  read_zero(top, deepspeed);
  read_optimizer(top, deepspeed);
  read_scheduler(top, deepspeed);
  read_wire_dtypes(top, deepspeed);
  deepspeed.gradient_clipping = top.number("gradient_clipping", 1.0, kNotNegative);
  apply(update_keys(), top, deepspeed.without_effect);
}

// Refuses a key that DeepSpeed does not have, where no value is of any effect.
void check_spelling(const JsonValue& section, const std::string& path,
                    std::span<const char* const> own, const SectionKeys& keys) {
  if (!section.is_object()) return;
  ObjectReader reader(section, path);
  std::vector<std::string> unused;
  accept_harmless(reader, own, nullptr);
  pass_over(keys, reader, unused);
  reader.finish();
}

// Of optimizers that are not known only the outer keys are.
void check_spelling_of_update(ObjectReader& top) {
  static constexpr const char* zero[] = {"stage",         "reduce_bucket_size",
                                         "overlap_comm",  "round_robin_gradients",
                                         "offload_param", "offload_optimizer"};
  static constexpr const char* outer[] = {"type", "params", "legacy_fusion"};
  static constexpr const char* adam[] = {
      "lr", "betas", "eps", "weight_decay", "adam_w_mode", "torch_adam", "differentiable"};
  if (const JsonValue* section = top.find("zero_optimization"))
    check_spelling(*section, "zero_optimization", zero, zero_optimization_keys());
  const JsonValue* optimizer = top.find("optimizer");
  if (!optimizer) return;
  check_spelling(*optimizer, "optimizer", outer, {});
  const JsonValue* type = optimizer->is_object() ? optimizer->find("type") : nullptr;
  const JsonValue* params = optimizer->is_object() ? optimizer->find("params") : nullptr;
  const std::string name = type && type->is_string() ? lower_case(type->text) : "";
  if (params && (name == "adam" || name == "adamw"))
    check_spelling(*params, "optimizer.params", adam, adam_keys());
}

// Without gradients there is nothing to divide among replicas but, in stage 3, the parameters.
void pass_over_update(ObjectReader& top, DeepSpeedConfig& deepspeed) {
  const JsonValue* zero = top.find("zero_optimization");
  const JsonValue* stage = zero && zero->is_object() ? zero->find("stage") : nullptr;
  const std::string name = "zero_optimization.stage";
  if (stage && as_integer(*stage, name, {0, 3}) == 3) refuse_unimplemented(*stage, name, kNoStage3);
  check_spelling_of_update(top);
  accept_harmless(top, kUpdate, &deepspeed.without_effect);
  pass_over(update_keys(), top, deepspeed.without_effect);
  if (!deepspeed.tp_overlap_comm) return;
  deepspeed.tp_overlap_comm = false;  // it overlaps two parts of the backward pass
  deepspeed.without_effect.push_back("tensor_parallel.tp_overlap_comm");
}

// What one count of the batch equation is, as it was given or follows from the others.
struct BatchEquation {
  std::int64_t batch, micro, accumulation, replicas;

  // The one of `key` that was not given: the batch over `others`, the product of the rest.
  std::int64_t solved(const JsonValue& given_batch, const char* key, std::int64_t others) const {
    if (batch % others != 0)
      refuse_value(given_batch, "train_batch_size",
                   std::string(key) + " was not given, and the batch is no multiple of " +
                       std::to_string(others) + ", the product of " +
                       (accumulation == 0 ? "train_micro_batch_size_per_gpu"
                                          : "gradient_accumulation_steps") +
                       " and the replicas (world / autotp_size)",
                   ScenarioError::Kind::conflict);
    return batch / others;
  }
};

// Two of the three give the third. An equation that cannot hold names both of its sides.
void solve_batch_equation(ObjectReader& top, int replicas, Mode mode, DeepSpeedConfig& deepspeed) {
  const auto read = [&](const char* key) -> std::int64_t {
    const JsonValue* value = top.find(key);
    return value ? as_integer(*value, key, kCount) : 0;
  };
  BatchEquation is{read("train_batch_size"), read("train_micro_batch_size_per_gpu"),
                   read("gradient_accumulation_steps"), replicas};
  if (is.batch == 0 && is.micro == 0)
    throw ScenarioError(top.place(),
                        "missing key \"train_micro_batch_size_per_gpu\": expected it or"
                        " train_batch_size",
                        ScenarioError::Kind::missing);
  if (is.accumulation == 0 && (is.batch == 0 || is.micro == 0)) {
    is.accumulation = 1;
    if (mode == Mode::training) deepspeed.defaulted.push_back("gradient_accumulation_steps = 1");
  }
  const JsonValue* batch = top.find("train_batch_size");
  if (is.micro == 0)
    is.micro = is.solved(*batch, "train_micro_batch_size_per_gpu", is.accumulation * replicas);
  if (is.accumulation == 0)
    is.accumulation = is.solved(*batch, "gradient_accumulation_steps", is.micro * replicas);
  if (is.batch != 0 && is.batch != is.micro * is.accumulation * replicas)
    refuse_value(*batch, "train_batch_size",
                 "is not train_micro_batch_size_per_gpu * gradient_accumulation_steps * replicas"
                 " (world / autotp_size): " +
                     std::to_string(is.batch) + " != " + std::to_string(is.micro) + " * " +
                     std::to_string(is.accumulation) + " * " + std::to_string(replicas),
                 ScenarioError::Kind::conflict);
  deepspeed.micro_batch = static_cast<int>(is.micro);
  deepspeed.accumulation = mode == Mode::training ? static_cast<int>(is.accumulation) : 1;
}

}  // namespace

DeepSpeedConfig deepspeed_from_json(const JsonValue& config, int world, Mode mode) {
  DeepSpeedConfig deepspeed;
  ObjectReader top(config, "");
  deepspeed.ignored = unknown_keys(top);
  top.record_defaults_in(&deepspeed.defaulted);
  read_dtype(top, mode, deepspeed);
  read_tensor_parallel(top, deepspeed);
  if (mode == Mode::training)
    read_update(top, deepspeed);
  else
    pass_over_update(top, deepspeed);
  if (world % deepspeed.tensor_parallel != 0)
    refuse_value(*config.find("tensor_parallel")->find("autotp_size"),
                 "tensor_parallel.autotp_size", "does not divide world = " + std::to_string(world),
                 ScenarioError::Kind::conflict);
  settle_round_robin(world / deepspeed.tensor_parallel, deepspeed);
  solve_batch_equation(top, world / deepspeed.tensor_parallel, mode, deepspeed);
  apply(top_level_keys(), top, deepspeed.without_effect);
  return deepspeed;
}

JsonValue to_json(const DeepSpeedConfig& deepspeed, Mode mode) {
  JsonValue json = JsonValue::object();
  json.set("train_micro_batch_size_per_gpu", deepspeed.micro_batch);
  json.set("tensor_parallel", tensor_parallel_to_json(deepspeed));
  JsonValue bf16 = JsonValue::object();
  bf16.set("enabled", deepspeed.working == Dtype::bf16);
  if (deepspeed.working == Dtype::fp16) json.set("fp16", fp16_to_json(deepspeed, mode));
  if (mode == Mode::inference) return json.set("bf16", std::move(bf16));
  json.set("gradient_accumulation_steps", deepspeed.accumulation);
  json.set("gradient_clipping", deepspeed.gradient_clipping);
  json.set("bf16", bf16.set("check_grad_overflow", deepspeed.check_grad_overflow));
  JsonValue zero = JsonValue::object();
  zero.set("stage", deepspeed.zero_stage);
  zero.set("overlap_comm", deepspeed.overlap_comm);
  zero.set("reduce_bucket_size", deepspeed.reduce_bucket_size);
  if (deepspeed.round_robin_gradients) zero.set("round_robin_gradients", true);
  json.set("zero_optimization", std::move(zero));
  write_wire_dtypes(deepspeed, json);
  json.set("optimizer", to_json(deepspeed.optimizer));
  if (JsonValue scheduler = to_json(deepspeed.scheduler); !scheduler.is_null())
    json.set("scheduler", std::move(scheduler));
  return json;
}

}  // namespace shardproof
