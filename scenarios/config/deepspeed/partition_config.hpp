#pragma once

#include <optional>
#include <vector>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/partition/partition_rules.hpp"

namespace shardproof {

/// tensor_parallel.partition_config of a DeepSpeed config for `tp` ranks; nothing for {}, which
/// DeepSpeed ignores, too. It is read more strictly than by DeepSpeed, which takes a misspelt key
/// for an absent one, null for "column" and a string for a list of its characters: those are
/// ScenarioErrors. Keys that DeepSpeed reads and never uses are appended to `without_effect`.
std::optional<CustomPartition> custom_partition_from_json(const JsonValue& config, int tp,
                                                          std::vector<std::string>& without_effect);
JsonValue to_json(const CustomPartition& custom);

/// base_model_tp_plan of a config.json: {"layers.*.self_attn.q_proj": "colwise", ...}.
std::vector<TpPlanStyle> tp_plan_from_json(const JsonValue& plan);
JsonValue to_json(const std::vector<TpPlanStyle>& plan);

}  // namespace shardproof
