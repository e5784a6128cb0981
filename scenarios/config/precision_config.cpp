#include "scenarios/config/precision_config.hpp"

#include "scenarios/config/deepspeed_keys.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

// Of no effect where nothing is updated.
constexpr const char* kOverflowCheck[] = {"check_grad_overflow"};

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

void read_wire_dtypes(ObjectReader& top, const TrainingConfig& training) {
  require_dtype(top.find("communication_data_type"), "communication_data_type", training.working);
  const JsonValue* types = top.find("data_types");
  if (!types) return;
  ObjectReader reader(*types, "data_types");
  require_dtype(reader.find("grad_accum_dtype"), "data_types.grad_accum_dtype", training.working);
  reader.finish();
}

}  // namespace shardproof
