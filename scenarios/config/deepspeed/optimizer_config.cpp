#include "scenarios/config/deepspeed/optimizer_config.hpp"

#include "scenarios/config/deepspeed/deepspeed_keys.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

using Kind = OptimizerConfig::Kind;

constexpr NumberRange kNotNegative{.lowest = 0};
const JsonValue kEmpty = JsonValue::object();

// DeepSpeed knows its own optimizers in any case, torch's by the name of the class.
Kind kind_of(ObjectReader& reader) {
  const JsonValue& type = reader.require("type", "expected \"Adam\", \"AdamW\" or \"SGD\"");
  const std::string& name = as_string(type, reader.name("type"));
  if (lower_case(name) == "adam") return Kind::adam;
  if (lower_case(name) == "adamw") return Kind::adamw;
  if (name != "SGD")
    refuse_unimplemented(type, reader.name("type"),
                         "only \"Adam\", \"AdamW\" and \"SGD\" are implemented");
  return Kind::sgd;
}

void read_rates(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  OptimizerConfig& optimizer = deepspeed.optimizer;
  optimizer.learning_rate = reader.number("lr", optimizer.learning_rate, kNotNegative);
  optimizer.weight_decay = reader.number("weight_decay", optimizer.weight_decay, kNotNegative);
}

void read_betas(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  const JsonValue* betas = reader.find("betas");
  if (!betas) {
    deepspeed.defaulted.push_back("optimizer.params.betas = [0.9, 0.999]");
    return;
  }
  if (!betas->is_array() || betas->elements.size() != 2)
    refuse_value(*betas, reader.name("betas"), "expected two numbers [beta1, beta2]");
  const NumberRange below_one{.lowest = 0, .highest = 1};
  OptimizerConfig& adam = deepspeed.optimizer;
  adam.beta1 = as_number(betas->elements[0], "optimizer.params.betas[0]", below_one);
  adam.beta2 = as_number(betas->elements[1], "optimizer.params.betas[1]", below_one);
}

// "Adam" is AdamW unless it says that it is not; AdamW is AdamW whatever it says (spec-autotp 7.5).
void read_decay_of_adam(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  OptimizerConfig& adam = deepspeed.optimizer;
  if (adam.kind == Kind::adamw) {
    static constexpr const char* forced[] = {"adam_w_mode"};
    accept_harmless(reader, forced, &deepspeed.without_effect);
  } else if (reader.boolean("adam_w_mode", true)) {
    adam.kind = Kind::adamw;
  }
}

// Of torch's form there are three sets of kernels: rounding_of_update() says which is meant.
bool reads_torch_form(ObjectReader& reader) {
  const JsonValue* given = reader.find("torch_adam");
  if (!given || given->is_null() || !as_bool(*given, reader.name("torch_adam"))) return false;
  static constexpr const char* kernels[] = {"fused", "foreach"};
  accept_harmless(reader, kernels, nullptr);
  return true;
}

// DeepSpeed hands the other keys on to the optimizer's class, whose defaults then hold: torch's
// AdamW decays weights unless it is told not to.
void read_adam(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  OptimizerConfig& adam = deepspeed.optimizer;
  read_decay_of_adam(reader, deepspeed);
  const bool torch = reads_torch_form(reader);
  if (torch) adam.form = OptimizerConfig::Form::torch;
  if (torch && adam.kind == Kind::adamw) adam.weight_decay = 0.01;
  read_rates(reader, deepspeed);
  adam.epsilon = reader.number("eps", adam.epsilon, {.lowest = 0, .above_lowest = true});
  read_betas(reader, deepspeed);
  apply(torch ? torch_adam_keys() : adam_keys(), reader, deepspeed.without_effect);
}

void read_sgd(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  OptimizerConfig& sgd = deepspeed.optimizer;
  read_rates(reader, deepspeed);
  sgd.momentum = reader.number("momentum", sgd.momentum, kNotNegative);
  sgd.nesterov = reader.boolean("nesterov", sgd.nesterov);
  if (sgd.nesterov && sgd.momentum == 0)
    refuse_value(*reader.find("nesterov"), reader.name("nesterov"),
                 "Nesterov's form needs a momentum");
  apply(sgd_keys(), reader, deepspeed.without_effect);
}

void read_params(const JsonValue& params, DeepSpeedConfig& deepspeed) {
  ObjectReader reader(params, "optimizer.params");
  reader.record_defaults_in(&deepspeed.defaulted);
  if (deepspeed.optimizer.kind == Kind::sgd)
    read_sgd(reader, deepspeed);
  else
    read_adam(reader, deepspeed);
  reader.finish();
}

}  // namespace

void read_optimizer(ObjectReader& top, DeepSpeedConfig& deepspeed) {
  ObjectReader reader(
      top.require("optimizer", "expected { \"type\": \"AdamW\", \"params\": {...} }"), "optimizer");
  deepspeed.optimizer.kind = kind_of(reader);
  const JsonValue* params = reader.find("params");
  read_params(params ? *params : kEmpty, deepspeed);
  static constexpr NeutralKey neutral[] = {
      {"legacy_fusion", "false", "legacy fusion is not implemented: only false"}};
  require_neutral(reader, neutral);
  reader.finish();
}

std::string rounding_of_update(const OptimizerConfig& optimizer) {
  if (!optimizer.takes_fp64_scalars()) return "";
  const std::string name = optimizer.kind == Kind::adamw ? "AdamW" : "Adam";
  return "the update is torch.optim." + name +
         "'s as torch 2.8 and 2.15 round it on the CPU, one tensor at a time (foreach and fused"
         " off) and with IEEE square roots: torch's fused and foreach kernels, of which Trainer "
         "takes"
         " one on a GPU, and square roots from MKL may round otherwise";
}

JsonValue to_json(const OptimizerConfig& optimizer) {
  JsonValue params = JsonValue::object();
  params.set("lr", optimizer.learning_rate);
  params.set("weight_decay", optimizer.weight_decay);
  JsonValue json = JsonValue::object();
  if (optimizer.kind == Kind::sgd) {
    params.set("momentum", optimizer.momentum).set("nesterov", optimizer.nesterov);
    return json.set("type", "SGD").set("params", std::move(params));
  }
  params.set("betas", JsonValue::array().append(optimizer.beta1).append(optimizer.beta2));
  params.set("eps", optimizer.epsilon);
  if (optimizer.form == OptimizerConfig::Form::torch) params.set("torch_adam", true);
  if (optimizer.kind == Kind::adamw)
    return json.set("type", "AdamW").set("params", std::move(params));
  return json.set("type", "Adam").set("params", std::move(params.set("adam_w_mode", false)));
}

}  // namespace shardproof
