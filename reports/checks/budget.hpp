#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reference/units/unit.hpp"
#include "scenarios/plan/placement.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// Which dimension of a parameter tensor parallelism cuts: of a column the output features, with
/// its bias; of a row the input features, its bias whole (spec-autotp 2.7). Empty for what is
/// replicated.
std::optional<int> sharded_dimension(const Scenario& scenario, const std::string& parameter);

/// Where a parameter lies on the mesh, by the scenario's partition.
Placement parameter_placement(const Scenario& scenario, const std::string& parameter);

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
  /// Elements and bytes are those of one row: how many rows there are, the recorded choice of
  /// experts says of each replica and micro-step.
  std::optional<reference::RoutedRows> rows = std::nullopt;
  friend bool operator==(const BudgetedCollective&, const BudgetedCollective&) = default;
};

/// What a rank must communicate, by the kind of moment: from the scenario and the functions of the
/// unsharded model alone, without any program (spec-autotp 2.8, 5.3 and 7.7). Groups of one rank
/// communicate nothing.
///
/// | moment     | collectives                                                                 |
/// |------------|-----------------------------------------------------------------------------|
/// | initial    | all-gathers over tp, one per block of every sharded parameter, padded to    |
/// |            | its largest width; per layer the agreement of checksums; the first layer    |
/// |            | twice more, edited                                                          |
/// | micro-step | over tp, the largest of the tokens; over tp and dp, whether any group differs |
/// |            | (data check)                                                                |
/// |            | over tp, of one replica's activations: an all-reduce of a row's output, and |
/// |            | of the input gradient of a column, unless nothing asks for it; an           |
/// |            | all-gather of a gathered column's output, and of the input gradient of an   |
/// |            | output projection cut as a row, padded to its largest width; an all-reduce  |
/// |            | of each gradient that grad_allreduce asks for; with ZeRO 2 gradient buckets |
/// |            | over dp                                                                     |
/// | step       | without ZeRO 2 gradient buckets over dp; overflow flag; unless skipped:     |
/// |            | norm, ZeRO's all-gather                                                     |
/// | final      | as initial, without the edits                                               |
///
/// In inference a micro-step is a data check and a forward pass, and a step has nothing else to
/// communicate.
struct CollectiveBudget {
  std::vector<BudgetedCollective> initial_moment;
  std::vector<BudgetedCollective> data_check;  // of every micro-step, before the others
  std::vector<BudgetedCollective> micro_step;
  std::vector<BudgetedCollective> reduce;  // of every step
  std::vector<BudgetedCollective> update;  // of a step that is not skipped
  std::vector<BudgetedCollective> final_moment;

  bool empty() const {
    return initial_moment.empty() && data_check.empty() && micro_step.empty() && reduce.empty() &&
           update.empty() && final_moment.empty();
  }
};

/// Of the ranks with TP index `tp`, which by uneven widths may hold more or less than others.
CollectiveBudget collective_budget(const Scenario& scenario, GroupRank tp);

}  // namespace shardproof::reports
