#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/partition/layer_spec.hpp"
#include "scenarios/partition/partition_plan.hpp"
#include "scenarios/partition/tp_plan.hpp"

namespace shardproof {

/// A `partition_config`.
struct CustomPartition {
  std::vector<LayerSpec> layer_specs;
  bool use_default_specs = true;  // with a preset: its specs follow
  bool strict_mode = false;       // a weight that nothing matches is an error
};

/// Everything that a user can say about how tensor parallelism partitions a model.
struct PartitionRules {
  std::string preset;  // in lower case; "": none
  SourcePlace preset_place;
  std::optional<CustomPartition> custom;
  std::optional<std::vector<TpPlanStyle>> tp_plan;  // base_model_tp_plan of the config.json
  std::int64_t grain = 1;                           // tp_grain_size
  bool uneven = false;                              // the scenario's key
  bool own_cut = false;                             // the scenario's key "cut" says "own"
  SourcePlace place;                                // of autotp_size
};

/// The plan for `tp` ranks; empty for one. What decides is the first of these that is given:
///
///   1. partition_config    its layer_specs, then those of the preset unless use_default_specs is
///                          false
///   2. preset_model
///   3. the tp_plan         of the config.json, else of the family
///   4. heuristics          on the names of the linear layers and where the LayerNorms are
///
/// Where AutoTP raises or leaves a module whole, and where the scenario asks for it, Shardproof's
/// own cut of the family decides, with a warning (own_cut.hpp).
///
/// Of the specs that match "<module>.weight" the first one decides; a weight that none matches
/// stays replicated. Throws ScenarioError where the rules do not fit the model: a shape that is not
/// the weight's, a cut that is not even, an embedding or a tied weight that would be cut, ...
/// Source: DeepSpeed, runtime/engine.py and module_inject/auto_tp.py.
PartitionPlan resolve_partition(const ModelDescription& model, const PartitionRules& rules, int tp);

}  // namespace shardproof
