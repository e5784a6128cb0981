#include "scenarios/config/trainer/client_config.hpp"

#include <algorithm>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/listed.hpp"

namespace shardproof {

namespace {

// Trainer decays neither biases nor norms, which it knows by names like these and by their class.
constexpr const char* kNotDecayed =
    R"((?i).*(bias|layernorm|rmsnorm|(^|\.)norm($|\.)|_norm($|\.)|(^|\.)ln_))";

// "optimizer.params.lr = 5e-05" of "optimizer.params.lr = 5e-05 (learning_rate)".
std::string without_source(const std::string& filled) {
  return filled.substr(0, filled.find(" ("));
}

std::vector<std::string> without_sources(const std::vector<std::string>& filled) {
  std::vector<std::string> texts;
  std::ranges::transform(filled, std::back_inserter(texts), without_source);
  return texts;
}

// torch's own update, unless the client says otherwise. Its Adam is no AdamW, as DeepSpeed's is.
JsonValue torch_optimizer(JsonValue optimizer) {
  JsonValue* params = optimizer.find("params");
  if (!params) params = optimizer.set("params", JsonValue::object()).find("params");
  const JsonValue* type = optimizer.find("type");
  const std::string name = type && type->is_string() ? type->text : "";
  if (!params->is_object() || (name != "AdamW" && name != "Adam")) return optimizer;
  if (!params->find("torch_adam")) params->set("torch_adam", true);
  if (name == "Adam" && !params->find("adam_w_mode")) params->set("adam_w_mode", false);
  return optimizer;
}

JsonValue adamw(JsonValue params) {
  return torch_optimizer(JsonValue::object().set("type", "AdamW").set("params", std::move(params)));
}

JsonValue optimizer_of(const TrainerArguments& arguments) {
  return adamw(
      JsonValue::object()
          .set("lr", arguments.learning_rate)
          .set("betas",
               JsonValue::array().append(arguments.adam_beta1).append(arguments.adam_beta2))
          .set("eps", arguments.adam_epsilon)
          .set("weight_decay", arguments.weight_decay));
}

SchedulerConfig schedule_of(const TrainerArguments& arguments, std::int64_t steps) {
  SchedulerConfig schedule;
  if (arguments.lr_scheduler_type == "constant") return schedule;
  schedule.kind = *from_name<SchedulerConfig::Kind>(arguments.lr_scheduler_type);
  schedule.warmup_steps = arguments.warmup_of(steps);
  schedule.total_steps = steps;
  return schedule;
}

// A dtype left to Trainer, and none asked for: fp32, which few who write "auto" expect.
std::string dtype_hint(const std::vector<std::string>& filled, const TrainerArguments& arguments) {
  const bool left = std::ranges::any_of(filled, [](const std::string& text) {
    return text.starts_with("bf16.enabled") || text.starts_with("fp16.enabled");
  });
  if (!left || arguments.bf16 || arguments.fp16) return "";
  return "; neither bf16 nor fp16 unless asked for: --override trainer.bf16=true";
}

bool has(const JsonValue& config, const char* key) {
  const JsonValue* value = config.find(key);
  return value && !value->is_null();
}

// Both are the client's own: DeepSpeed would take the one and forget the other.
void take_own_optimizer(ClientConfig& client, const JsonValue& optimizer) {
  if (has(client.deepspeed, "optimizer"))
    throw ScenarioError(optimizer.place,
                        "optimizer: the DeepSpeed config has one too: keep one of them",
                        ScenarioError::Kind::conflict);
  if (!optimizer.is_object())
    refuse_value(optimizer, "optimizer", "expected { \"type\": \"AdamW\", \"params\": {...} }");
  client.deepspeed.set("optimizer", torch_optimizer(optimizer));
  client.notices.emplace_back(
      "the DeepSpeed config has no optimizer: the scenario's is the client's");
}

std::string take_optimizer_of(ClientConfig& client, const TrainerArguments& arguments) {
  JsonValue optimizer = optimizer_of(arguments);
  const std::string told = "optimizer = AdamW " + write_json(*optimizer.find("params"));
  client.deepspeed.set("optimizer", std::move(optimizer));
  client.groups =
      JsonValue::array().append(JsonValue::object()
                                    .set("patterns", JsonValue::array().append(kNotDecayed))
                                    .set("weight_decay", 0));
  return told;
}

void complete_by_trainer(ClientConfig& client, TrainerArguments& arguments, const TrainedRun& run) {
  client.filled = fill_auto(client.deepspeed, arguments, run);
  std::vector<std::string> told = without_sources(client.filled);
  if (run.trains && !has(client.deepspeed, "optimizer"))
    told.push_back(take_optimizer_of(client, arguments));
  if (run.trains && !has(client.deepspeed, "scheduler")) {
    client.schedule = schedule_of(arguments, run.steps);
    told.push_back("lr_scheduler_type = " + arguments.lr_scheduler_type + " over " +
                   std::to_string(run.steps) + " steps");
  }
  if (run.trains && !client.schedule && arguments.given.contains("lr_scheduler_type"))
    client.notices.push_back("trainer.lr_scheduler_type = " + arguments.lr_scheduler_type +
                             " is not used, as by Trainer: the DeepSpeed config has a scheduler");
  if (told.empty()) return;
  client.notices.push_back(std::string("Hugging Face's Trainer (") + TrainerArguments::version +
                           ") fills in " + joined(told, ", ") +
                           dtype_hint(client.filled, arguments));
}

void complete_by_torch(ClientConfig& client) {
  client.deepspeed.set("optimizer", adamw(JsonValue::object()));
  client.notices.emplace_back(
      "the DeepSpeed config has no optimizer: the client's is taken to be "
      "torch.optim.AdamW(lr=0.001, weight_decay=0.01); the scenario's \"optimizer\" says "
      "otherwise");
}

}  // namespace

JsonValue trainer_to_json(const SchedulerConfig& schedule) {
  if (!schedule.is_trainers()) return {};
  return JsonValue::object()
      .set("lr_scheduler_type", name_of(schedule.kind))
      .set("warmup_steps", schedule.warmup_steps);
}

ClientConfig client_config(JsonValue config, const ClientKeys& keys, const TrainedRun& run) {
  ClientConfig client{std::move(config), {}, {}, {}, {}};
  if (!client.deepspeed.is_object()) return client;  // is said by who reads it
  if (keys.optimizer && run.trains) take_own_optimizer(client, *keys.optimizer);
  if (keys.trainer || has_auto(client.deepspeed)) {
    TrainerArguments arguments = trainer_from_json(keys.trainer);
    complete_by_trainer(client, arguments, run);
  } else if (run.trains && !has(client.deepspeed, "optimizer")) {
    complete_by_torch(client);
  }
  return client;
}

}  // namespace shardproof
