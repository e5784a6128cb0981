#include "scenarios/config/deepspeed/tensor_parallel_config.hpp"

#include <algorithm>

#include "scenarios/config/deepspeed/deepspeed_keys.hpp"
#include "scenarios/config/deepspeed/partition_config.hpp"
#include "scenarios/json/nearest_name.hpp"
#include "scenarios/partition/lower_case.hpp"
#include "scenarios/partition/presets.hpp"

namespace shardproof {

namespace {

std::string digits_of(const std::string& name) {
  std::string digits;
  for (const char c : name)
    if (c >= '0' && c <= '9') digits += c;
  return digits;
}

// Never another model: "qwen3" is no misspelt "qwen2".
std::string preset_suggestion(const std::string& name, std::vector<std::string> presets) {
  std::erase_if(presets,
                [&](const std::string& preset) { return digits_of(preset) != digits_of(name); });
  return suggestion(name, presets);
}

// DeepSpeed takes a name that it does not know for none, and goes on without.
void read_preset(ObjectReader& reader, PartitionRules& rules) {
  const JsonValue* preset = reader.find("preset_model");
  if (!preset) return;
  const std::string name = lower_case(as_string(*preset, reader.name("preset_model")));
  const std::vector<std::string> names = preset_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string list;
    for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
    refuse_value(*preset, reader.name("preset_model"),
                 "expected one of " + list + preset_suggestion(name, names));
  }
  rules.preset = name;
  rules.preset_place = preset->place;
}

// The object "tensor_parallel" inside the section of that name, whose short name is "tp".
void read_inner(ObjectReader& reader, const std::string& alias, DeepSpeedConfig& deepspeed) {
  const JsonValue* object = reader.find(alias);
  if (!object) return;
  ObjectReader tp(*object, reader.name(alias));
  const std::int64_t size = tp.integer("tp_size", 1, {1, 1'000'000});
  if (size != 1 && size != deepspeed.tensor_parallel)
    refuse_value(*tp.find("tp_size"), tp.name("tp_size"),
                 "does not match tensor_parallel.autotp_size = " +
                     std::to_string(deepspeed.tensor_parallel));
  deepspeed.partition_rules.grain =
      tp.integer("tp_grain_size", deepspeed.partition_rules.grain, {1, std::int64_t{1} << 40});
  static constexpr NeutralKey groups[] = {
      {"mpu", "null", "groups are made by the scenario: only null"},
      {"tp_group", "null", "groups are made by the scenario: only null"}};
  require_neutral(tp, groups);
  tp.finish();
}

}  // namespace

void read_tensor_parallel(ObjectReader& top, DeepSpeedConfig& deepspeed) {
  ObjectReader reader = top.section("tensor_parallel");
  PartitionRules& rules = deepspeed.partition_rules;
  deepspeed.tensor_parallel =
      std::max(1, static_cast<int>(reader.integer("autotp_size", 0, {0, 1'000'000})));
  const JsonValue* size = reader.find("autotp_size");
  rules.place = size ? size->place : top.place();
  if (const JsonValue* overlap = reader.find("tp_overlap_comm"))
    deepspeed.tp_overlap_comm = as_bool(*overlap, reader.name("tp_overlap_comm"));
  read_preset(reader, rules);
  if (const JsonValue* custom = reader.find("partition_config"))
    rules.custom =
        custom_partition_from_json(*custom, deepspeed.tensor_parallel, deepspeed.without_effect);
  for (const char* alias : {"tensor_parallel", "tp"}) read_inner(reader, alias, deepspeed);
  apply(tensor_parallel_keys(), reader, deepspeed.without_effect);
  reader.finish();
}

JsonValue tensor_parallel_to_json(const ParallelConfig& parallel) {
  const PartitionRules& rules = parallel.partition_rules;
  JsonValue json = JsonValue::object();
  json.set("autotp_size", parallel.tensor_parallel);
  json.set("tp_overlap_comm", parallel.tp_overlap_comm);
  if (!rules.preset.empty()) json.set("preset_model", rules.preset);
  if (rules.custom) json.set("partition_config", to_json(*rules.custom));
  return json.set("tp", JsonValue::object().set("tp_grain_size", rules.grain));
}

}  // namespace shardproof
