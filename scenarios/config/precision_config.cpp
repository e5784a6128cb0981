#include "scenarios/config/precision_config.hpp"

#include <optional>
#include <vector>

#include "scenarios/config/deepspeed_keys.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

// Of no effect where nothing is updated.
constexpr const char* kOverflowCheck[] = {"check_grad_overflow"};

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
                      const TrainingConfig& training) {
  const Dtype dtype = as_dtype(value, name);
  if (dtype == training.working) return dtype;
  const std::string model = name_of(training.working);
  if (dtype != Dtype::fp32)
    refuse_value(value, name, "expected \"" + model + "\", the model's, or \"fp32\"");
  if (training.zero_stage == 0)
    refuse_value(
        value, name,
        "without ZeRO, DeepSpeed refuses other sums than the model's: expected \"" + model + "\"");
  return dtype;
}

}  // namespace

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

void read_wire_dtypes(ObjectReader& top, TrainingConfig& training) {
  if (const JsonValue* wire = top.find("communication_data_type"))
    training.dp_wire = as_dtype(*wire, "communication_data_type");
  const JsonValue* types = top.find("data_types");
  if (!types) return;
  ObjectReader reader(*types, "data_types");
  if (const JsonValue* sums = reader.find("grad_accum_dtype"))
    training.accumulate = read_accumulate(*sums, "data_types.grad_accum_dtype", training);
  reader.finish();
}

void write_wire_dtypes(const TrainingConfig& training, JsonValue& config) {
  if (training.dp_wire) config.set("communication_data_type", name_of(*training.dp_wire));
  if (training.accumulate)
    config.set("data_types",
               JsonValue::object().set("grad_accum_dtype", name_of(*training.accumulate)));
}

}  // namespace shardproof
