#include "scenarios/config/model/dropout_keys.hpp"

#include "scenarios/config/model/model_class.hpp"

namespace shardproof {

void judge_dropouts(ObjectReader& reader, const Family& family, Mode mode) {
  std::string dropped, overrides;
  std::vector<SourcePlace> places;
  for (const DropoutKey& key : family.dropouts) {
    const JsonValue* given = reader.find(key.key);
    const double value =
        given ? as_number(*given, key.key, {.lowest = 0, .highest = 1}) : key.absent;
    if (value == 0) continue;
    if (given) places.push_back(given->place);
    dropped += (dropped.empty() ? "" : ", ") + std::string(key.key) + " = " + write_json(value) +
               (given ? "" : " (" + config_class(family) + "'s default)");
    overrides += " --override " + std::string(key.key) + "=0";
  }
  if (dropped.empty() || mode == Mode::inference) return;
  if (places.empty()) places.push_back(reader.place());
  throw ScenarioError(
      std::move(places),
      dropped + ": dropout is not implemented in training; turn it off:" + overrides);
}

}  // namespace shardproof
