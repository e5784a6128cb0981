#pragma once

#include <map>
#include <string>
#include <vector>

#include "real/optimizer/zero_stage.hpp"

namespace shardproof::real {

/// What stages 0 and 1 share: each replica sums whole gradients ("accumulator/P") over the
/// micro-steps, and averages the sums ("gradient/P") once a step.
class WholeGradients final : public ZeroStage {
 public:
  WholeGradients(Builder& builder, int owners);

  void lower_begin_step() override;
  void lower_gradient(const std::string& parameter, ValueId gradient) override;
  std::vector<ValueId> lower_boundary() override;

 private:
  void lower_mean();

  std::map<std::string, ValueId> accumulators_;
  std::map<std::string, ValueId> averaged_;
};

}  // namespace shardproof::real
