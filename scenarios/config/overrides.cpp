#include "scenarios/config/overrides.hpp"

#include <string_view>

#include "scenarios/config/model/model_config.hpp"
#include "scenarios/config/scenario_keys.hpp"

namespace shardproof {

namespace {

// An optimizer is the DeepSpeed config's, unless the scenario has one.
bool is_of_scenario(const JsonValue& scenario, std::string_view key) {
  return key == "optimizer" ? scenario.find(key) != nullptr : is_scenario_key(key);
}

JsonValue parse_value(const std::string& text, const SourcePlace& place) {
  JsonValue value;
  try {
    value = parse_json(text, place.file);
  } catch (const ScenarioError&) {
    value = JsonValue(text);  // --override precision=fp64 without shell quotes within quotes
  }
  value.place = place;
  return value;
}

// The object under `key`, made if it is not there.
JsonValue& section(JsonValue& parent, const std::string& key, const SourcePlace& place) {
  JsonValue* found = parent.find(key);
  if (!found) {
    JsonValue empty = JsonValue::object();
    empty.place = place;
    parent.set(key, std::move(empty));
    found = parent.find(key);
  }
  if (!found->is_object()) throw ScenarioError(place, "\"" + key + "\" is no section");
  return *found;
}

}  // namespace

void apply_override(JsonValue& scenario, const std::string& override_text) {
  const SourcePlace place{"--override " + override_text};
  const std::size_t equals = override_text.find('=');
  if (equals == std::string::npos || equals == 0) throw ScenarioError(place, "expected KEY=VALUE");
  std::string name = override_text.substr(0, equals);
  const std::string first = name.substr(0, name.find('.'));
  JsonValue* target = &scenario;
  if (!is_of_scenario(scenario, first)) {
    JsonValue& config = section(section(scenario, "model", place), "config", place);
    target = config.find(first) || is_model_key(first) ? &config
                                                       : &section(scenario, "deepspeed", place);
  }
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
    target = &section(*target, name.substr(0, dot), place);
    name = name.substr(dot + 1);
  }
  target->set(name, parse_value(override_text.substr(equals + 1), place));
  for (JsonMember& member : target->members)
    if (member.key == name) member.place = place;
}

}  // namespace shardproof
