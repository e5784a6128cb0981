#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "reports/witness/saved_checkpoint.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// What a run begins with by the scenario, as the judge finds it: weights that are generated, in a
/// file or in several, or what a checkpoint holds. Whole tensors; who wants a part cuts it
/// (whole_tensor.hpp). The second witness beside scenarios/checkpoint/initial_state, which gives
/// the engine and the oracle the same, region by region.
class GivenState {
 public:
  explicit GivenState(const Scenario& scenario);

  /// In the working dtype, after the declared cast.
  WholeTensor parameter(const ParameterDescription& parameter) const;
  /// nullptr if the run begins by itself.
  const SavedCheckpoint* checkpoint() const { return checkpoint_ ? &*checkpoint_ : nullptr; }
  /// What the run had counted before; empty if it begins by itself.
  std::map<std::string, double> counters() const;
  int updates() const { return checkpoint_ ? checkpoint_->updates() : 0; }

 private:
  WholeTensor generated(const ParameterDescription& parameter) const;
  void open_weights();

  const Scenario& scenario_;
  std::optional<SavedCheckpoint> checkpoint_;
  std::map<std::string, std::shared_ptr<const WholeFile>> files_;  // by tensor
};

}  // namespace shardproof::reports
