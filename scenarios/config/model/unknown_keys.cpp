#include "scenarios/config/model/unknown_keys.hpp"

#include <algorithm>
#include <optional>

#include "scenarios/config/model/common_keys.hpp"
#include "scenarios/config/model/layer_types.hpp"
#include "scenarios/config/model/model_class.hpp"
#include "scenarios/config/model/model_keys.hpp"
#include "scenarios/config/model/rope_scaling.hpp"
#include "scenarios/config/model/transformers_keys.hpp"
#include "scenarios/json/nearest_name.hpp"

namespace shardproof {

namespace {

using KeyNames = std::vector<std::string>;

// On what these say numbers depend, or a run would be another.
KeyNames decisive_keys(const Family& family) {
  KeyNames names{"architectures", "auto_map", "model_type"};
  for (const ConfigKey& key : family.keys)
    if (!key.derived)
      for (const std::string& name : spellings(key)) names.push_back(name);
  for (const DropoutKey& key : family.dropouts) names.emplace_back(key.key);
  for (const NeutralConfigKey& key : family.neutral) names.emplace_back(key.key);
  for (const NeutralConfigKey& key : common_neutral_keys()) names.emplace_back(key.key);
  for (const std::string& name : rotary_key_names(family)) names.push_back(name);
  for (const std::string& name : layer_type_key_names(family)) names.push_back(name);
  return names;
}

KeyNames harmless_keys(const Family& family) {
  KeyNames names(family.harmless.begin(), family.harmless.end());
  for (const char* key : common_harmless_keys()) names.emplace_back(key);
  return names;
}

bool is_one_of(const KeyNames& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A third of the letters: two names of one thing share more than half of them by chance alone.
bool is_nearly(const std::string& key, const KeyNames& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const std::size_t limit = std::max(key.size(), name.size()) / 3;
    return edit_distance(key, name) <= static_cast<int>(limit);
  });
}

std::optional<std::string> reader_of(const std::string& key) {
  const auto all = transformers_keys();
  const auto found = std::ranges::lower_bound(all, key, {}, &TransformersKey::key);
  if (found == all.end() || found->key != key) return std::nullopt;
  return std::string(found->read_by);
}

}  // namespace

void judge_unknown_keys(const JsonValue& config, const Family& family,
                        std::vector<std::string>* notices) {
  const KeyNames decisive = decisive_keys(family), harmless = harmless_keys(family);
  for (const JsonMember& member : config.members) {
    const std::string& key = member.key;
    if (is_one_of(decisive, key) || is_one_of(harmless, key)) continue;
    const std::string unknown = "unknown key \"" + key + "\"";
    if (is_nearly(key, decisive))
      throw ScenarioError(member.place, unknown + suggestion(key, decisive));
    if (const std::optional<std::string> reader = reader_of(key))
      throw ScenarioError(member.place, unknown + ": " + *reader + " of transformers reads it, " +
                                            config_class(family) + " does not" +
                                            suggestion(key, decisive));
    if (notices)
      notices->push_back("config.json: " + key + " is read by no transformers model: ignored");
  }
}

}  // namespace shardproof
