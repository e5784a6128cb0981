#include "scenarios/config/model/model_config.hpp"

#include <algorithm>
#include <filesystem>

#include "scenarios/config/model/common_keys.hpp"
#include "scenarios/config/model/dropout_keys.hpp"
#include "scenarios/config/model/layer_types.hpp"
#include "scenarios/config/model/model_class.hpp"
#include "scenarios/config/model/model_keys.hpp"
#include "scenarios/config/model/rope_scaling.hpp"
#include "scenarios/config/model/unknown_keys.hpp"
#include "scenarios/model/families.hpp"
#include "scenarios/model/model_fields.hpp"

namespace shardproof {

namespace {

JsonValue written(const ConfigKey& key, double value) {
  if (key.kind == ConfigKey::Kind::row && value == kNoRow) return JsonValue();
  if (key.null && !key.null->of && value == key.null->value) return JsonValue();
  if (key.kind == ConfigKey::Kind::flag) return JsonValue(value != 0);
  if (key.kind == ConfigKey::Kind::count || key.kind == ConfigKey::Kind::row)
    return JsonValue(static_cast<std::int64_t>(value));
  return JsonValue(value);
}

}  // namespace

JsonValue read_model_json(const std::string& path) {
  const std::filesystem::path given(path);
  std::error_code unreadable;  // is said by read_json
  const bool folder = std::filesystem::is_directory(given, unreadable);
  return read_json((folder ? given / "config.json" : given).string());
}

ModelDescription model_from_json(const JsonValue& config, Mode mode,
                                 std::vector<std::string>* notices) {
  ObjectReader reader(config, "");
  const Family& family = family_of_config(config);
  ModelDescription model;
  model.family = family.model_type;
  require_causal_class(config, family);
  require_neutral_values(reader, common_neutral_keys());
  require_neutral_values(reader, family.neutral);
  // Before the hyper-parameters: a misspelt key leaves a default that another may not fit.
  judge_unknown_keys(config, family, notices);
  judge_dropouts(reader, family, mode);
  read_model_keys(reader, family, model);
  read_rotary_keys(reader, family, model, notices);
  read_layer_types(reader, family, model);
  model.parameters = family.parameters(model);
  if (family.untrained) model.untrained = family.untrained(model);
  return model;
}

JsonValue to_json(const ModelDescription& model) {
  const Family& family = family_of(model.family);
  JsonValue json = JsonValue::object();
  json.set("model_type", model.family);
  for (const ConfigKey& key : family.keys)
    if (!key.derived)
      json.set(published_name(key), written(key, find_value(model, key.name).value_or(kNoRow)));
  for (const DropoutKey& key : family.dropouts)
    if (key.absent != 0) json.set(key.key, 0);
  for (const NeutralConfigKey& key : family.neutral)
    if (key.absent) json.set(key.key, parse_json(key.neutral, key.key));
  write_rotary_keys(family, model, json);
  write_layer_types(family, model, json);
  return json;
}

bool is_model_key(const std::string& name) {
  const auto names_it = [&](const NeutralConfigKey& key) { return name == key.key; };
  const auto reads_it = [&](const ConfigKey& key) {
    const std::vector<std::string> names = spellings(key);
    return !key.derived && std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto drops = [&](const DropoutKey& key) { return name == key.key; };
  return name == "rope_scaling" || name == "rope_parameters" || name == "sliding_window_pattern" ||
         name == "architectures" || name == "auto_map" || name == "_name_or_path" ||
         std::any_of(families().begin(), families().end(), [&](const Family& family) {
           return std::any_of(family.keys.begin(), family.keys.end(), reads_it) ||
                  std::any_of(family.dropouts.begin(), family.dropouts.end(), drops) ||
                  std::any_of(family.neutral.begin(), family.neutral.end(), names_it);
         });
}

}  // namespace shardproof
