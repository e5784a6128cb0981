#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/checkpoint/checkpoint.hpp"
#include "scenarios/data/weights.hpp"
#include "scenarios/settings/task.hpp"

namespace shardproof {

/// What a run begins with: its weights (scenarios/data/weights.hpp), or all that a checkpoint holds
/// if it goes on from one.
class InitialState {
 public:
  /// Throws ScenarioError if the weights do not fit the model, or the checkpoint is damaged.
  explicit InitialState(const Task& task);

  /// The region of a parameter, in fp64, already rounded to the working dtype.
  std::vector<double> parameter(const std::string& name, const Region& region) const;

  /// nullptr if the run begins by itself.
  const Checkpoint* checkpoint() const { return checkpoint_.get(); }
  /// A whole tensor of the checkpoint, decoded: "optimizer/model.norm.weight/master".
  std::vector<double> tensor(const std::string& name) const;
  /// What the run has counted before; empty if it begins by itself.
  const std::map<std::string, double>& counters() const;
  /// The updates among it.
  int updates() const;

 private:
  std::optional<Weights> weights_;
  std::shared_ptr<const Checkpoint> checkpoint_;
};

}  // namespace shardproof
