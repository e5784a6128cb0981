#include "scenarios/digest/run_identity.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof {

namespace {

struct Named {
  std::string_view key;   // of a scenario, or the first part of such a key
  std::string_view part;  // "": of none
};

// The first that fits. A key that is not named here is of the task: a new one counts.
constexpr std::array<Named, 22> named{{{"name", ""},
                                       {"trace", ""},
                                       {"shadow", ""},
                                       {"executions", ""},
                                       {"timeout_s", ""},
                                       {"inject", ""},
                                       {"notices", ""},
                                       {"gpu_schedule", ""},
                                       {"world", "grid"},
                                       {"deepspeed.zero_optimization", "grid"},
                                       {"deepspeed.tensor_parallel.autotp_size", "grid"},
                                       {"deepspeed.tensor_parallel", "cut"},
                                       {"uneven", "cut"},
                                       {"cut", "cut"},
                                       {"precision", "policy"},
                                       {"reduction", "policy"},
                                       {"strict", "policy"},
                                       {"real", "policy"},
                                       {"deepspeed.bf16", "policy"},
                                       {"deepspeed.fp16", "policy"},
                                       {"deepspeed.data_types", "policy"},
                                       {"deepspeed.communication_data_type", "policy"}}};

std::string_view part_of(std::string_view key) {
  const auto found = std::ranges::find_if(named, [&](const Named& name) {
    return key.starts_with(name.key) &&
           (key.size() == name.key.size() || key[name.key.size()] == '.');
  });
  return found == named.end() ? "task" : found->part;
}

// "deepspeed.zero_optimization.stage" and its value, of every member however deep; a list is one
// value.
void add_keys(const std::string& key, const JsonValue& value,
              std::map<std::string, std::map<std::string, std::string>>& parts) {
  if (value.is_object()) {
    for (const JsonMember& member : value.members)
      add_keys((key.empty() ? "" : key + ".") + member.key, member.value, parts);
  } else if (const std::string_view part = part_of(key); !part.empty()) {
    parts[std::string(part)][key] = write_json(value);
  }
}

std::string hash_of(const std::map<std::string, std::string>& keys) {
  std::string text;
  for (const auto& [key, value] : keys) text += key + "=" + value + "\n";
  return to_hex(hash_of_text(text));
}

// The first key that is not alike, with both values.
std::string first_difference(const std::map<std::string, std::string>& was,
                             const std::map<std::string, std::string>& is) {
  std::map<std::string, std::string> all = was;
  all.insert(is.begin(), is.end());
  const auto value = [](const auto& keys, const std::string& key) {
    const auto found = keys.find(key);
    return found == keys.end() ? "nothing" : found->second;
  };
  for (const auto& [key, unused] : all)
    if (value(was, key) != value(is, key))
      return key + ": " + value(was, key) + " and " + value(is, key);
  return "";
}

}  // namespace

RunIdentity::RunIdentity(const std::string& scenario, const std::string& program_hash) {
  add_keys("", parse_json(scenario, "the scenario"), keys_);
  keys_["program"]["hash"] = program_hash;
  for (const auto& [part, keys] : keys_) hashes_[part] = hash_of(keys);
}

std::string RunIdentity::difference(const RunIdentity& other) const {
  for (const char* part : {"task", "grid", "cut", "policy", "program"}) {
    const auto was = keys_.find(part), is = other.keys_.find(part);
    const std::map<std::string, std::string> none;
    const std::string key = first_difference(was == keys_.end() ? none : was->second,
                                             is == other.keys_.end() ? none : is->second);
    if (!key.empty()) return std::string(part) + " (" + key + ")";
  }
  return "";
}

}  // namespace shardproof
