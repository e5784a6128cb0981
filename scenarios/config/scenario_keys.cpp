#include "scenarios/config/scenario_keys.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "scenarios/json/nearest_name.hpp"

namespace shardproof {

namespace {

const std::vector<std::string>& keys() {
  static const std::vector<std::string> names = {
      "name",      "mode",       "model",      "deepspeed", "trainer",
      "optimizer", "world",      "steps",      "seed",      "data",
      "precision", "reduction",  "executions", "real",      "gpu_schedule",
      "uneven",    "cut",        "trace",      "overflow",  "timeout_s",
      "inject",    "checkpoint", "resume",     "notices",   "parameter_groups",
      "shadow",    "strict",     "exact"};
  return names;
}

}  // namespace

bool is_scenario_key(std::string_view key) {
  return std::ranges::find(keys(), key) != keys().end();
}

void expect_scenario_keys(const JsonValue& root) {
  for (const JsonMember& member : root.members)
    if (!is_scenario_key(member.key))
      throw ScenarioError(member.place,
                          "unknown key \"" + member.key + "\"" + suggestion(member.key, keys()));
}

}  // namespace shardproof
