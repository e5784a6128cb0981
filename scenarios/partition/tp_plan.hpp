#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/model/family.hpp"
#include "scenarios/partition/layer_spec.hpp"

namespace shardproof {

/// One entry of a tp_plan in a config.json.
struct TpPlanStyle {
  std::string pattern;  // "layers.*.self_attn.q_proj"
  std::string style;    // "colwise"
  SourcePlace place;
};

/// The entries that hold for a family. Those that a config.json gives as base_model_tp_plan take
/// the place of the published ones of the base model ("layers..."), not of the head's; an entry
/// that repeats another one with "model." before it is left out. `place` is said of published ones.
std::vector<TpPlanStyle> tp_plan_of(const Family& family,
                                    const std::optional<std::vector<TpPlanStyle>>& given,
                                    const SourcePlace& place);

/// A tp_plan as specs, in its order:
///
///   colwise                                          column
///   colwise_rep, colwise_gather_output               column, gathered
///   rowwise                                          row
///   replicated_with_grad_allreduce                   skip, gradient summed over tp
///
/// "layers.*.q_proj" becomes ".*layers\..*\.q_proj\.weight$". Throws ScenarioError that lists all
/// other styles. Source: DeepSpeed, module_inject/tp_plan_converter.py.
std::vector<LayerSpec> specs_of_tp_plan(const std::vector<TpPlanStyle>& plan);

/// Whether these are all of its styles.
bool knows_all_styles(const std::vector<TpPlanStyle>& plan);

/// That pattern alone.
std::string regex_of_tp_plan(const std::string& pattern);

}  // namespace shardproof
