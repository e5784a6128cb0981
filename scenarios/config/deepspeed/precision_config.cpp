#include "scenarios/config/deepspeed/precision_config.hpp"

#include <optional>
#include <vector>

#include "scenarios/config/deepspeed/deepspeed_keys.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

// Of no effect where nothing is updated.
constexpr const char* kOverflowCheck[] = {"check_grad_overflow"};
constexpr const char* kLossScale[] = {"loss_scale", "initial_scale_power",    "loss_scale_window",
                                      "hysteresis", "consecutive_hysteresis", "min_loss_scale"};

// A scale is a number of fp32 that fp32 can also double.
constexpr double kLargestScale = 0x1p126;

// DeepSpeed's and torch's spellings of a dtype: fp32, float32, float, ...
std::optional<Dtype> spelled(const std::string& name) {
  static const std::pair<Dtype, std::vector<const char*>> spellings[] = {
      {Dtype::fp32, {"fp32", "float32", "float"}},
      {Dtype::bf16, {"bf16", "bfloat16"}},
      {Dtype::fp16, {"fp16", "float16", "half"}}};
  const std::string text = lower_case(name);
  for (const auto& [dtype, names] : spellings)
    for (const char* known : names)
      if (text == known) return dtype;
  return std::nullopt;
}

Dtype as_dtype(const JsonValue& value, const std::string& name) {
  const std::optional<Dtype> dtype = spelled(as_string(value, name));
  if (!dtype) refuse_value(value, name, "expected \"fp32\", \"bf16\" or \"fp16\"");
  return *dtype;
}

Dtype read_accumulate(const JsonValue& value, const std::string& name,
                      const DeepSpeedConfig& deepspeed) {
  const Dtype dtype = as_dtype(value, name);
  if (dtype == deepspeed.working) return dtype;
  const std::string model = name_of(deepspeed.working);
  if (dtype != Dtype::fp32)
    refuse_value(value, name, "expected \"" + model + "\", the model's, or \"fp32\"");
  if (deepspeed.zero_stage == 0)
    refuse_value(
        value, name,
        "without ZeRO, DeepSpeed refuses other sums than the model's: expected \"" + model + "\"");
  return dtype;
}

LossScaleConfig read_loss_scale(ObjectReader& fp16) {
  LossScaleConfig scale;
  scale.fixed = fp16.number("loss_scale", scale.fixed, {0, kLargestScale});
  const auto power = fp16.integer("initial_scale_power", scale.initial_power, {0, 126});
  scale.initial_power = static_cast<int>(power);
  scale.window = fp16.integer("loss_scale_window", scale.window, {1, 1'000'000'000});
  scale.hysteresis = fp16.integer("hysteresis", scale.hysteresis, {1, 1'000'000'000});
  scale.consecutive_hysteresis =
      fp16.boolean("consecutive_hysteresis", scale.consecutive_hysteresis);
  scale.lowest = fp16.number("min_loss_scale", scale.lowest, {0, kLargestScale, true});
  return scale;
}

// After bf16: of both sections at most one is enabled. fp16 always looks for an overflow.
void read_fp16(ObjectReader& top, Mode mode, DeepSpeedConfig& deepspeed) {
  if (!top.find("fp16")) return;
  ObjectReader fp16 = top.section("fp16");
  const bool enabled = fp16.boolean("enabled", false);
  if (enabled && deepspeed.working == Dtype::bf16)
    refuse_value(*fp16.find("enabled"), "fp16.enabled", "bf16 is enabled too: keep one of them");
  apply(fp16_keys(), fp16, deepspeed.without_effect);
  if (enabled) deepspeed.working = Dtype::fp16;
  if (enabled && mode == Mode::training) {
    deepspeed.loss_scale = read_loss_scale(fp16);
    deepspeed.check_grad_overflow = true;
  } else {
    accept_harmless(fp16, kLossScale, enabled ? &deepspeed.without_effect : nullptr);
  }
  fp16.finish();
}

void read_bf16(ObjectReader& top, Mode mode, DeepSpeedConfig& deepspeed) {
  const char* key = "bf16";
  const JsonValue* other_spelling = top.find("bfloat16");
  if (other_spelling && top.find("bf16"))
    refuse_value(*other_spelling, "bfloat16", "bf16 is there too: keep one of them");
  if (other_spelling) key = "bfloat16";
  ObjectReader bf16 = top.section(key);
  deepspeed.working = bf16.boolean("enabled", false) ? Dtype::bf16 : Dtype::fp32;
  if (mode == Mode::training)
    deepspeed.check_grad_overflow = bf16.boolean("check_grad_overflow", true);
  else
    accept_harmless(bf16, kOverflowCheck, &deepspeed.without_effect);
  apply(bf16_keys(), bf16, deepspeed.without_effect);
  bf16.finish();
}

}  // namespace

void read_dtype(ObjectReader& top, Mode mode, DeepSpeedConfig& deepspeed) {
  read_bf16(top, mode, deepspeed);
  read_fp16(top, mode, deepspeed);
}

JsonValue fp16_to_json(const TrainingConfig& training, Mode mode) {
  JsonValue json = JsonValue::object();
  json.set("enabled", true);
  if (mode == Mode::inference) return json;
  const LossScaleConfig& scale = training.loss_scale;
  json.set("loss_scale", scale.fixed);
  json.set("initial_scale_power", scale.initial_power);
  json.set("loss_scale_window", scale.window);
  json.set("hysteresis", scale.hysteresis);
  json.set("consecutive_hysteresis", scale.consecutive_hysteresis);
  json.set("min_loss_scale", scale.lowest);
  return json;
}

void read_wire_dtypes(ObjectReader& top, DeepSpeedConfig& deepspeed) {
  if (const JsonValue* wire = top.find("communication_data_type"))
    deepspeed.dp_wire = as_dtype(*wire, "communication_data_type");
  const JsonValue* types = top.find("data_types");
  if (!types) return;
  ObjectReader reader(*types, "data_types");
  if (const JsonValue* sums = reader.find("grad_accum_dtype"))
    deepspeed.accumulate = read_accumulate(*sums, "data_types.grad_accum_dtype", deepspeed);
  reader.finish();
}

void write_wire_dtypes(const DeepSpeedConfig& deepspeed, JsonValue& config) {
  if (deepspeed.dp_wire) config.set("communication_data_type", name_of(*deepspeed.dp_wire));
  if (deepspeed.accumulate)
    config.set("data_types",
               JsonValue::object().set("grad_accum_dtype", name_of(*deepspeed.accumulate)));
}

}  // namespace shardproof
