#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/config/scenario.hpp"
#include "scenarios/plan/placement.hpp"

namespace shardproof::reports {

/// A parameter that tensor parallelism divides: its module, and the dimension that is cut. Columns
/// of the Megatron pair (q, k, v, gate, up) are cut along their outputs, with their bias; rows (o,
/// down) along their inputs, their bias whole (spec-autotp 2.7). Empty for what is replicated.
std::optional<int> sharded_dimension(const std::string& parameter);

/// Where a parameter lies on the mesh, from its name alone.
Placement parameter_placement(const std::string& parameter);

/// The parameters that GatherReplacedLayerParams gathers, in the order of the state dict. The
/// edited round trip is made with those of the first module.
std::vector<std::string> gathered_parameters(const Scenario& scenario);
std::vector<std::string> edited_parameters(const Scenario& scenario);

/// One collective that a rank must issue.
struct BudgetedCollective {
  std::string origin;  // as `shardproof plan` names the op
  std::string kind;    // all_reduce, all_reduce_max, all_gather
  std::string group;   // tp, dp
  std::string dtype;   // on the wire
  std::int64_t elements = 0;
  std::int64_t bytes = 0;
  friend bool operator==(const BudgetedCollective&, const BudgetedCollective&) = default;
};

/// What each rank must communicate, by the kind of moment: from the scenario alone, without any
/// program (spec-autotp 2.8 and 7.7). Groups of one rank communicate nothing.
///
/// | moment     | collectives |
/// |------------|------------------------------------------------------------------------------------|
/// | initial    | per gathered parameter an all-gather over tp, per layer the agreement of
/// checksums; | |            | the first layer twice more, edited | | micro-step | per block over
/// tp 2 all-reduces forward (o, down), 5 backward (up, gate, v, k, q),   | |            | each of
/// one replica's hidden activation                                             | | step       |
/// gradient buckets over dp, overflow flag; unless skipped: norm, ZeRO's all-gather     | | final
/// | as initial, without the edits                                                        |
struct CollectiveBudget {
  std::vector<BudgetedCollective> initial_moment;
  std::vector<BudgetedCollective> micro_step;
  std::vector<BudgetedCollective> reduce;  // of every step
  std::vector<BudgetedCollective> update;  // of a step that is not skipped
  std::vector<BudgetedCollective> final_moment;
};

CollectiveBudget collective_budget(const Scenario& scenario);

}  // namespace shardproof::reports
