#include "scenarios/config/deepspeed/scheduler_config.hpp"

#include "scenarios/config/deepspeed/deepspeed_keys.hpp"

namespace shardproof {

namespace {

using Kind = SchedulerConfig::Kind;

constexpr NumberRange kNotNegative{.lowest = 0};
constexpr IntegerRange kSteps{0, std::int64_t{1} << 53};

Kind kind_of(ObjectReader& reader) {
  const JsonValue& type = reader.require("type",
                                         "expected \"WarmupLR\", \"WarmupDecayLR\" or"
                                         " \"WarmupCosineLR\"");
  const std::string& name = as_string(type, reader.name("type"));
  for (const char* known : {"LRRangeTest", "OneCycle"})
    if (name == known)
      refuse_value(type, reader.name("type"),
                   "only \"WarmupLR\", \"WarmupDecayLR\" and \"WarmupCosineLR\" are implemented");
  as_one_of(type, reader.name("type"), {"WarmupLR", "WarmupDecayLR", "WarmupCosineLR"});
  return *from_name<Kind>(name);
}

// Where the schedule begins and ends: rates of its own, or ratios of the optimizer's rate.
void read_extremes(ObjectReader& reader, DeepSpeedConfig& deepspeed) {
  SchedulerConfig& scheduler = deepspeed.scheduler;
  if (scheduler.kind == Kind::warmup_cosine) {
    scheduler.lowest_ratio =
        reader.number("warmup_min_ratio", scheduler.lowest_ratio, kNotNegative);
    scheduler.last_ratio = reader.number("cos_min_ratio", scheduler.last_ratio, kNotNegative);
    return;
  }
  if (scheduler.kind == Kind::warmup) scheduler.highest = deepspeed.optimizer.learning_rate;
  scheduler.lowest = reader.number("warmup_min_lr", scheduler.lowest, kNotNegative);
  scheduler.highest = reader.number("warmup_max_lr", scheduler.highest, kNotNegative);
}

void read_params(const JsonValue& params, DeepSpeedConfig& deepspeed) {
  SchedulerConfig& scheduler = deepspeed.scheduler;
  ObjectReader reader(params, "scheduler.params");
  reader.record_defaults_in(&deepspeed.defaulted);
  read_extremes(reader, deepspeed);
  scheduler.warmup_steps = reader.integer("warmup_num_steps", scheduler.warmup_steps, kSteps);
  scheduler.logarithmic = reader.one_of("warmup_type", "log", {"log", "linear"}) == "log";
  if (scheduler.kind != Kind::warmup)
    scheduler.total_steps = as_integer(
        reader.require("total_num_steps", "expected the step at which the rate has fallen"),
        reader.name("total_num_steps"), kSteps);
  static constexpr NeutralKey neutral[] = {
      {"last_batch_iteration", "-1", "a schedule begins with the run: only -1"}};
  require_neutral(reader, neutral);
  reader.finish();
}

}  // namespace

void read_scheduler(ObjectReader& top, DeepSpeedConfig& deepspeed) {
  const JsonValue* section = top.find("scheduler");
  if (!section) return;
  ObjectReader reader(*section, "scheduler");
  deepspeed.scheduler.kind = kind_of(reader);
  const JsonValue* params = reader.find("params");
  JsonValue none = JsonValue::object();
  none.place = section->place;  // of what it lacks
  read_params(params ? *params : none, deepspeed);
  reader.finish();
}

JsonValue to_json(const SchedulerConfig& scheduler) {
  if (scheduler.kind == Kind::constant || scheduler.is_trainers()) return {};
  JsonValue params = JsonValue::object();
  const bool cosine = scheduler.kind == Kind::warmup_cosine;
  params.set(cosine ? "warmup_min_ratio" : "warmup_min_lr",
             cosine ? scheduler.lowest_ratio : scheduler.lowest);
  params.set(cosine ? "cos_min_ratio" : "warmup_max_lr",
             cosine ? scheduler.last_ratio : scheduler.highest);
  params.set("warmup_num_steps", scheduler.warmup_steps);
  params.set("warmup_type", scheduler.logarithmic ? "log" : "linear");
  if (scheduler.kind != Kind::warmup) params.set("total_num_steps", scheduler.total_steps);
  return JsonValue::object().set("type", name_of(scheduler.kind)).set("params", std::move(params));
}

}  // namespace shardproof
