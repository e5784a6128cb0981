#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/model/family.hpp"

namespace shardproof {

/// What AutoTP makes of a linear layer by its place and name alone, where neither a preset, nor a
/// partition_config, nor a tp_plan says so.
struct HeuristicChoice {
  bool is_row = false;
  std::string name;  // by which the width function knows the layer: "self_attn.q_proj"
  std::string rule;  // "its name contains o_proj"
};

/// The linear layers of the model's blocks that are cut, by path; all others stay replicated.
///
/// A row is the layer before a LayerNorm of the block (the one before the first being the block's
/// last), or one that is known by its name (o_proj, down_proj, ...); all others are columns, but
/// for routers and the first projections of latent attention. One block of each class is looked at.
/// Throws ScenarioError at `place` for a model that AutoTP refuses, or where it finds no row.
/// Source: DeepSpeed, module_inject/auto_tp.py, tp_parser.
std::map<std::string, HeuristicChoice> heuristic_choices(const ModelDescription& model,
                                                         const Family& family,
                                                         const SourcePlace& place);

}  // namespace shardproof
