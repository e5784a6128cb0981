#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/model/model_description.hpp"
#include "scenarios/partition/partition_rules.hpp"

namespace shardproof {

/// A 2-D weight that belongs to no embedding, with its features as a linear layer counts them.
struct CutModule {
  std::string path;
  std::int64_t out = 0;
  std::int64_t in = 0;
};

/// What a rule decided about the cut of one module, before widths are known.
struct ModuleCut {
  CutModule module;
  LayerPartition::Style style = LayerPartition::Style::replicated;
  bool gather_output = false;
  std::vector<std::int64_t> blocks;  // sizes, in units, of the blocks of the cut features
  std::int64_t unit = 1;             // features
  std::string width_name;            // by which the width function knows the layer
  std::string rule;
  SourcePlace place;  // of the rule

  std::int64_t features() const {
    return style == LayerPartition::Style::row ? module.in : module.out;
  }
  /// The sizes of the blocks in features.
  std::vector<std::int64_t> block_features() const;
};

/// Cuts modules of one model among the ranks of a TP group.
class ModuleCutter {
 public:
  ModuleCutter(const ModelDescription& model, const PartitionRules& rules, int tp)
      : model_(model), rules_(rules), tp_(tp) {}

  /// Throws ScenarioError if attention is cut and tp does not divide the heads (unless uneven is
  /// allowed), or if a fused weight is not cut where its parts are.
  void check(const std::vector<ModuleCut>& cuts) const;
  /// Throws ScenarioError if a block is not cut evenly and does not have to be.
  LayerPartition partition(const ModuleCut& cut) const;
  /// "tp = 3 is more than ...": what uneven cuts leave empty; "" if nothing.
  std::string empty_shares_warning(const std::vector<ModuleCut>& cuts) const;

 private:
  void check_heads(const ModuleCut& cut) const;
  void check_fused(const ModuleCut& cut) const;
  std::vector<std::int64_t> widths_of(std::int64_t block, const ModuleCut& cut) const;

  const ModelDescription& model_;
  const PartitionRules& rules_;
  int tp_;
};

}  // namespace shardproof
