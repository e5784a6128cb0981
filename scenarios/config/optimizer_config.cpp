#include "scenarios/config/optimizer_config.hpp"

#include "scenarios/config/deepspeed_keys.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

constexpr NumberRange kNotNegative{.lowest = 0};
const JsonValue kEmpty = JsonValue::object();

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

}  // namespace

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

JsonValue to_json(const OptimizerConfig& adam) {
  JsonValue params = JsonValue::object();
  params.set("lr", adam.learning_rate);
  params.set("betas", JsonValue::array().append(adam.beta1).append(adam.beta2));
  params.set("eps", adam.epsilon);
  params.set("weight_decay", adam.weight_decay);
  return JsonValue::object().set("type", "AdamW").set("params", std::move(params));
}

}  // namespace shardproof
