#include "scenarios/config/deepspeed/unknown_keys.hpp"

#include <algorithm>

#include "scenarios/config/deepspeed/deepspeed_keys.hpp"
#include "scenarios/json/nearest_name.hpp"

namespace shardproof {

namespace {

// Those that change numbers and have code of their own.
constexpr const char* kRead[] = {"train_batch_size",
                                 "train_micro_batch_size_per_gpu",
                                 "gradient_accumulation_steps",
                                 "gradient_clipping",
                                 "bf16",
                                 "bfloat16",
                                 "fp16",
                                 "tensor_parallel",
                                 "zero_optimization",
                                 "optimizer",
                                 "scheduler",
                                 "communication_data_type",
                                 "data_types"};

std::vector<std::string> keys_that_change_numbers() {
  std::vector<std::string> names(std::begin(kRead), std::end(kRead));
  for (const SectionKeys& keys : {top_level_keys(), update_keys()})
    for (const auto& rows : {keys.neutral, keys.switched_off})
      for (const NeutralKey& row : rows) names.emplace_back(row.key);
  return names;
}

bool is_harmless(const std::string& key) {
  const auto keys = top_level_keys().harmless;
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// "train_batch_sizes" and "batch_size" are; "_comment" is a comment.
bool may_mean(const std::string& key, const std::string& name) {
  if (key.starts_with('_')) return false;
  if (2 * key.size() >= name.size() && name.find(key) != std::string::npos) return true;
  return edit_distance(key, name) <= static_cast<int>(name.size() / 4);
}

}  // namespace

std::vector<std::string> unknown_keys(const ObjectReader& top) {
  const std::vector<std::string> names = keys_that_change_numbers();
  std::vector<std::string> unknown;
  for (const JsonMember& member : top.object().members) {
    if (is_harmless(member.key) || std::ranges::find(names, member.key) != names.end()) continue;
    const auto meant = std::ranges::find_if(
        names, [&](const std::string& name) { return may_mean(member.key, name); });
    if (meant != names.end())
      throw ScenarioError(member.place,
                          "unknown key \"" + member.key + "\"; did you mean \"" + *meant + "\"?");
    unknown.push_back(member.key);
  }
  return unknown;
}

}  // namespace shardproof
