#include "scenarios/config/model/dropout_keys.hpp"

#include "scenarios/config/model/model_class.hpp"

namespace shardproof {

void judge_dropouts(ObjectReader& reader, const Family& family, Mode mode) {
  std::string dropped, overrides;
  std::vector<SourcePlace> places;
  bool by_default = false;
  for (const DropoutKey& key : family.dropouts) {
    const JsonValue* given = reader.find(key.key);
    const double value =
        given ? as_number(*given, key.key, {.lowest = 0, .highest = 1}) : key.absent;
    if (value == 0) continue;
    if (given) places.push_back(given->place);
    by_default = by_default || key.absent != 0;
    dropped += (dropped.empty() ? "" : ", ") + std::string(key.key) + " = " + write_json(value) +
               (given ? "" : " (" + config_class(family) + "'s default)");
    overrides += " --override " + std::string(key.key) + "=0";
  }
  if (dropped.empty() || mode == Mode::inference) return;
  // Without its value a key is no better: the whole is at fault, and is told of once.
  if (by_default) places.push_back(reader.place());
  throw ScenarioError(
      std::move(places),
      dropped + ": dropout is not implemented in training; turn it off:" + overrides);
}

}  // namespace shardproof
