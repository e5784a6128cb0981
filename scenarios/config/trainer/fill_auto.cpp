#include "scenarios/config/trainer/fill_auto.hpp"

#include <algorithm>

#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

bool is_auto(const JsonValue& value) { return value.is_string() && value.text == "auto"; }

JsonValue* find_path(JsonValue& config, const std::string& path) {
  JsonValue* value = &config;
  for (std::size_t begin = 0; value && begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    value = value->find(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return value;
}

class Filler {
 public:
  Filler(JsonValue& config, TrainerArguments& arguments, const TrainedRun& run)
      : config_(config), arguments_(arguments), run_(run) {}

  std::vector<std::string> fill() {
    fill_batch();
    fill_optimizer();
    fill_schedule();
    fill_dtypes();
    const std::int64_t hidden = run_.hidden_size;
    replace("zero_optimization.reduce_bucket_size", hidden * hidden, "hidden_size^2");
    return std::move(told_);
  }

 private:
  void tell(const std::string& path, const std::string& value, const std::string& source) {
    told_.push_back(path + " = " + value + " (" + source + ")");
  }

  // Whatever stands beside "auto" stays.
  void replace(const char* path, JsonValue value, const char* source) {
    JsonValue* found = find_path(config_, path);
    if (!found || !is_auto(*found)) return;
    tell(path, write_json(value), source);
    value.place = found->place;
    *found = std::move(value);
  }

  // The argument fills the config's "auto"; a number of the config is the argument's.
  void match(const char* path, const char* name, double& argument) {
    const JsonValue* found = find_path(config_, path);
    if (found && found->is_number()) {
      if (arguments_.given.contains(name) && found->number != argument)
        refuse_value(*found, path,
                     std::string("trainer.") + name + " says " + write_json(argument) +
                         ": expected the same, or \"auto\"",
                     ScenarioError::Kind::conflict);
      argument = found->number;
    }
    replace(path, argument, name);
  }
  void match(const char* path, const char* name, std::int64_t& argument) {
    auto number = static_cast<double>(argument);
    match(path, name, number);
    argument = static_cast<std::int64_t>(number);
  }

  // What is left out follows from the batch equation.
  void leave_out(const char* key, const std::string& source) {
    tell(key, "by the batch equation", source);
    std::erase_if(config_.members, [&](const JsonMember& member) { return member.key == key; });
  }

  void fill_batch() {
    const char* batch = "train_batch_size";
    const char* micro = "train_micro_batch_size_per_gpu";
    const char* argument = "per_device_train_batch_size";
    const JsonValue* whole = config_.find(batch);
    const JsonValue* part = config_.find(micro);
    const bool follows = whole && whole->is_number() && part && is_auto(*part);
    if (whole && is_auto(*whole)) leave_out(batch, "calculated");
    if (follows && !arguments_.given.contains(argument)) leave_out(micro, argument);
    match(micro, argument, arguments_.per_device_train_batch_size);
    match("gradient_accumulation_steps", "gradient_accumulation_steps",
          arguments_.gradient_accumulation_steps);
  }

  void fill_optimizer() {
    match("gradient_clipping", "max_grad_norm", arguments_.max_grad_norm);
    match("optimizer.params.lr", "learning_rate", arguments_.learning_rate);
    match("optimizer.params.eps", "adam_epsilon", arguments_.adam_epsilon);
    match("optimizer.params.weight_decay", "weight_decay", arguments_.weight_decay);
    replace("optimizer.params.betas",
            JsonValue::array().append(arguments_.adam_beta1).append(arguments_.adam_beta2),
            "adam_beta1, adam_beta2");
  }

  void fill_schedule() {
    replace("scheduler.params.warmup_min_lr", 0, "always");
    match("scheduler.params.warmup_max_lr", "learning_rate", arguments_.learning_rate);
    replace("scheduler.params.total_num_steps", run_.steps, "steps");
    replace("scheduler.params.warmup_num_steps", arguments_.warmup_of(run_.steps), "warmup_steps");
  }

  void fill_dtypes() {
    for (const char* path : {"bf16.enabled", "bfloat16.enabled"})
      replace(path, arguments_.bf16, "bf16");
    replace("fp16.enabled", arguments_.fp16, "fp16");
    replace("amp.enabled", false, "fp16_backend");
  }

  JsonValue& config_;
  TrainerArguments& arguments_;
  const TrainedRun& run_;
  std::vector<std::string> told_;
};

}  // namespace

bool has_auto(const JsonValue& config) {
  return is_auto(config) || std::ranges::any_of(config.elements, has_auto) ||
         std::ranges::any_of(config.members,
                             [](const JsonMember& member) { return has_auto(member.value); });
}

std::vector<std::string> fill_auto(JsonValue& config, TrainerArguments& arguments,
                                   const TrainedRun& run) {
  return Filler(config, arguments, run).fill();
}

}  // namespace shardproof
