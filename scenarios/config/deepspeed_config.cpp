#include "scenarios/config/deepspeed_config.hpp"

#include "scenarios/config/deepspeed_keys.hpp"
#include "scenarios/config/tensor_parallel_config.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

constexpr IntegerRange kCount{1, 1'000'000};
constexpr NumberRange kNotNegative{.lowest = 0};
const JsonValue kEmpty = JsonValue::object();

// Of no effect where nothing is updated (see update_keys() for those that need no code of their own).
constexpr const char* kOverflowCheck[] = {"check_grad_overflow"};
constexpr const char* kUpdate[] = {"optimizer",
                                   "zero_optimization",
                                   "gradient_clipping",
                                   "gradient_accumulation_steps",
                                   "communication_data_type",
                                   "data_types"};

// "auto" is filled in by a trainer that is not here, so no number can be known.
void collect_auto(const JsonValue& value, const std::string& name,
                  std::vector<std::pair<std::string, SourcePlace>>& found) {
  if (value.is_string() && value.text == "auto") found.emplace_back(name, value.place);
  for (const JsonMember& member : value.members)
    collect_auto(member.value, name.empty() ? member.key : name + "." + member.key, found);
  for (const JsonValue& element : value.elements) collect_auto(element, name, found);
}

void refuse_auto(const JsonValue& config) {
  std::vector<std::pair<std::string, SourcePlace>> found;
  collect_auto(config, "", found);
  if (found.empty()) return;
  std::string names;
  for (const auto& [name, place] : found) names += (names.empty() ? "" : ", ") + name;
  throw ScenarioError(found.front().second,
                      "\"auto\" is a value for a trainer to fill in: write numbers for " + names);
}

void read_dtype(ObjectReader& top, Mode mode, TrainingConfig& training) {
  const char* key = "bf16";
  const JsonValue* other_spelling = top.find("bfloat16");
  if (other_spelling && top.find("bf16"))
    refuse_value(*other_spelling, "bfloat16", "bf16 is there too: keep one of them");
  if (other_spelling) key = "bfloat16";
  ObjectReader bf16 = top.section(key);
  training.working = bf16.boolean("enabled", false) ? Dtype::bf16 : Dtype::fp32;
  if (mode == Mode::training)
    training.check_grad_overflow = bf16.boolean("check_grad_overflow", true);
  else
    accept_harmless(bf16, kOverflowCheck, &training.without_effect);
  apply(bf16_keys(), bf16, training.without_effect);
  bf16.finish();
}

void read_zero(ObjectReader& top, TrainingConfig& training) {
  const JsonValue* given = top.find("zero_optimization");
  if (given && given->is_boolean())  // the spelling of DeepSpeed's first releases
    refuse_value(*given, "zero_optimization", "expected {\"stage\": 0} or {\"stage\": 1}");
  ObjectReader reader = top.section("zero_optimization");
  // As int, 2^32 would be stage 0.
  const std::int64_t stage = reader.integer("stage", 0);
  if (stage == 2 || stage == 3)
    refuse_value(
        *reader.find("stage"), reader.name("stage"),
        stage == 2 ? "stage 2 reduces at each micro-step, which is not implemented: expected 0 or 1"
                   : "partitioned parameters are not implemented: expected 0 or 1");
  if (stage != 0 && stage != 1)
    refuse_value(*reader.find("stage"), reader.name("stage"), "expected 0 or 1");
  training.zero_stage = static_cast<int>(stage);
  training.reduce_bucket_size =
      reader.integer("reduce_bucket_size", training.reduce_bucket_size, {1, std::int64_t{1} << 53});
  apply(zero_optimization_keys(), reader, training.without_effect);
  reader.finish();
}

void read_adam(const JsonValue& params, TrainingConfig& training) {
  ObjectReader reader(params, "optimizer.params");
  reader.record_defaults_in(&training.defaulted);
  OptimizerConfig& adam = training.optimizer;
  adam.learning_rate = reader.number("lr", adam.learning_rate, kNotNegative);
  adam.epsilon = reader.number("eps", adam.epsilon, {.lowest = 0, .above_lowest = true});
  adam.weight_decay = reader.number("weight_decay", adam.weight_decay, kNotNegative);
  const JsonValue* betas = reader.find("betas");
  if (!betas) {
    training.defaulted.push_back("optimizer.params.betas = [0.9, 0.999]");
  } else {
    if (!betas->is_array() || betas->elements.size() != 2)
      refuse_value(*betas, reader.name("betas"), "expected two numbers [beta1, beta2]");
    const NumberRange below_one{.lowest = 0, .highest = 1};
    adam.beta1 = as_number(betas->elements[0], "optimizer.params.betas[0]", below_one);
    adam.beta2 = as_number(betas->elements[1], "optimizer.params.betas[1]", below_one);
  }
  apply(adam_keys(), reader, training.without_effect);
  reader.finish();
}

void read_optimizer(ObjectReader& top, TrainingConfig& training) {
  ObjectReader reader(
      top.require("optimizer", "expected { \"type\": \"AdamW\", \"params\": {...} }"), "optimizer");
  const JsonValue& type = reader.require("type", "expected \"Adam\" or \"AdamW\"");
  const std::string name = lower_case(as_string(type, "optimizer.type"));
  if (name != "adam" && name != "adamw")
    refuse_value(type, "optimizer.type", "only \"Adam\" and \"AdamW\" are implemented");
  const JsonValue* params = reader.find("params");
  read_adam(params ? *params : kEmpty, training);
  static constexpr NeutralKey neutral[] = {
      {"legacy_fusion", "false", "legacy fusion is not implemented: only false"}};
  require_neutral(reader, neutral);
  reader.finish();
}

// DeepSpeed's and torch's spellings of a dtype: fp32, float32, float, ...
bool spells(const std::string& name, Dtype dtype) {
  const std::string text = lower_case(name);
  if (dtype == Dtype::bf16) return text == "bf16" || text == "bfloat16";
  return text == "fp32" || text == "float32" || text == "float";
}

void require_dtype(const JsonValue* value, const std::string& name, Dtype working) {
  if (value && !spells(as_string(*value, name), working))
    refuse_value(*value, name,
                 std::string("another dtype than the model's is not implemented: expected \"") +
                     name_of(working) + "\"");
}

void read_wire_dtypes(ObjectReader& top, const TrainingConfig& training) {
  require_dtype(top.find("communication_data_type"), "communication_data_type", training.working);
  const JsonValue* types = top.find("data_types");
  if (!types) return;
  ObjectReader reader(*types, "data_types");
  require_dtype(reader.find("grad_accum_dtype"), "data_types.grad_accum_dtype", training.working);
  reader.finish();
}

// How gradients come about, and what becomes of them.
void read_update(ObjectReader& top, TrainingConfig& training) {
  read_zero(top, training);
  read_optimizer(top, training);
  read_wire_dtypes(top, training);
  training.gradient_clipping = top.number("gradient_clipping", 1.0, kNotNegative);
  apply(update_keys(), top, training.without_effect);
}

// Without gradients there is nothing to divide among replicas but, in stage 3, the parameters.
void pass_over_update(ObjectReader& top, TrainingConfig& training) {
  const JsonValue* zero = top.find("zero_optimization");
  const JsonValue* stage = zero && zero->is_object() ? zero->find("stage") : nullptr;
  const std::string name = "zero_optimization.stage";
  if (stage && as_integer(*stage, name, {0, 3}) == 3)
    refuse_value(*stage, name, "partitioned parameters are not implemented: expected 0, 1 or 2");
  accept_harmless(top, kUpdate, &training.without_effect);
  pass_over(update_keys(), top, training.without_effect);
  if (!training.tp_overlap_comm) return;
  training.tp_overlap_comm = false;  // it overlaps two parts of the backward pass
  training.without_effect.push_back("tensor_parallel.tp_overlap_comm");
}

// Two of the three give the third. An equation that cannot hold names both of its sides.
void solve_batch_equation(ObjectReader& top, int replicas, Mode mode, TrainingConfig& training) {
  const auto read = [&](const char* key) -> std::int64_t {
    const JsonValue* value = top.find(key);
    return value ? as_integer(*value, key, kCount) : 0;
  };
  const std::int64_t batch = read("train_batch_size");
  std::int64_t micro = read("train_micro_batch_size_per_gpu");
  std::int64_t accumulation = read("gradient_accumulation_steps");
  if (batch == 0 && micro == 0)
    throw ScenarioError(top.place(),
                        "missing key \"train_micro_batch_size_per_gpu\": expected it or"
                        " train_batch_size");
  if (accumulation == 0 && (batch == 0 || micro == 0)) {
    accumulation = 1;
    if (mode == Mode::training) training.defaulted.push_back("gradient_accumulation_steps = 1");
  }
  if (micro == 0) micro = batch / (accumulation * replicas);
  if (accumulation == 0) accumulation = batch / (micro * replicas);
  if (batch != 0 && batch != micro * accumulation * replicas)
    refuse_value(*top.find("train_batch_size"), "train_batch_size",
                 "is not train_micro_batch_size_per_gpu * gradient_accumulation_steps * replicas"
                 " (world / autotp_size): " +
                     std::to_string(batch) + " != " + std::to_string(micro) + " * " +
                     std::to_string(accumulation) + " * " + std::to_string(replicas));
  training.micro_batch = static_cast<int>(micro);
  training.accumulation = mode == Mode::training ? static_cast<int>(accumulation) : 1;
}

}  // namespace

TrainingConfig training_from_json(const JsonValue& config, int world, Mode mode) {
  refuse_auto(config);
  TrainingConfig training;
  ObjectReader top(config, "");
  top.record_defaults_in(&training.defaulted);
  read_dtype(top, mode, training);
  read_tensor_parallel(top, training);
  if (mode == Mode::training)
    read_update(top, training);
  else
    pass_over_update(top, training);
  if (world % training.tensor_parallel != 0)
    refuse_value(*config.find("tensor_parallel")->find("autotp_size"),
                 "tensor_parallel.autotp_size", "does not divide world = " + std::to_string(world));
  solve_batch_equation(top, world / training.tensor_parallel, mode, training);
  apply(top_level_keys(), top, training.without_effect);
  top.finish();
  return training;
}

JsonValue to_json(const TrainingConfig& training, Mode mode) {
  JsonValue json = JsonValue::object();
  json.set("train_micro_batch_size_per_gpu", training.micro_batch);
  json.set("tensor_parallel", tensor_parallel_to_json(training));
  JsonValue bf16 = JsonValue::object();
  bf16.set("enabled", training.working == Dtype::bf16);
  if (mode == Mode::inference) return json.set("bf16", std::move(bf16));
  const OptimizerConfig& adam = training.optimizer;
  JsonValue params = JsonValue::object();
  params.set("lr", adam.learning_rate);
  params.set("betas", JsonValue::array().append(adam.beta1).append(adam.beta2));
  params.set("eps", adam.epsilon);
  params.set("weight_decay", adam.weight_decay);
  json.set("gradient_accumulation_steps", training.accumulation);
  json.set("gradient_clipping", training.gradient_clipping);
  json.set("bf16", bf16.set("check_grad_overflow", training.check_grad_overflow));
  json.set("zero_optimization", JsonValue::object()
                                    .set("stage", training.zero_stage)
                                    .set("reduce_bucket_size", training.reduce_bucket_size));
  json.set("optimizer", JsonValue::object().set("type", "AdamW").set("params", std::move(params)));
  return json;
}

}  // namespace shardproof
