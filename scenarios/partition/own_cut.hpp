#pragma once

#include <string>
#include <vector>

#include "scenarios/model/family.hpp"
#include "scenarios/partition/layer_spec.hpp"
#include "scenarios/partition/module_cut.hpp"
#include "scenarios/partition/partition_plan.hpp"

namespace shardproof {

/// Shardproof's own cut of a family, for what AutoTP does not know how to cut. It decides
///
///   all           where AutoTP raises, or where the scenario's `cut` asks for it
///   the rest      where AutoTP leaves whole what it cuts
///   nothing       where AutoTP would cut wrongly, or a partition_config says what is cut
///
/// DeepSpeed would not run such a cut, and a line beside the verdict says so.

/// "gpt2 and phi3": the families that have one.
std::string families_with_own_cut();

/// Its specs, in order; none if the family has no such cut. `place` is for errors.
std::vector<LayerSpec> own_cut_specs(const ModelDescription& model, const Family& family,
                                     const SourcePlace& place);

/// How one cut differs from AutoTP's: "AutoTP leaves model.layers.0.mlp.up_proj whole"; "" if in
/// nothing.
std::string difference_from_autotp(const std::vector<ModuleCut>& cuts,
                                   const std::vector<ModuleCut>& of_autotp);
/// The same of whose gradients are summed over ranks.
std::string difference_in_sums(const PartitionPlan& plan, const PartitionPlan& of_autotp);

/// The line beside the verdict. `why` says what AutoTP does instead.
std::string own_cut_notice(const Family& family, const std::string& why);

/// ", or take Shardproof's own cut: ..."; "" if the family has none.
std::string own_cut_as_way_out(const Family& family);

}  // namespace shardproof
