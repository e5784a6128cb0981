#pragma once

#include <memory>
#include <string>
#include <vector>

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// What a stage of ZeRO does with gradients, between the backward pass that finds them and the
/// update that consumes them (Rajbhandari et al. 2020, arXiv:1910.02054; spec-autotp 7.7). How the
/// stages differ:
///
/// |        | what is accumulated             | reduced over dp       | what a rank updates  |
/// |--------|---------------------------------|-----------------------|----------------------|
/// | zero_0 | its own gradients, whole        | once a step           | everything           |
/// | zero_1 | its own gradients, whole        | once a step           | its slice, one in D  |
/// | zero_2 | its slice of averaged gradients | after each micro-step | its slice, one in D  |
class ZeroStage {
 public:
  ZeroStage(Builder& builder, int owners)
      : builder_(builder), partition_(make_flat_partition(builder, owners)) {}
  virtual ~ZeroStage() = default;

  /// Who owns what.
  const FlatPartition& partition() const { return partition_; }

  /// Before the first micro-step of a step, in the open segment: zeroed accumulators.
  virtual void lower_begin_step() = 0;
  /// In the backward pass, as soon as a parameter's gradient of this micro-step is complete.
  virtual void lower_gradient(const std::string& parameter, ValueId gradient) = 0;
  /// When the backward pass is over.
  virtual void lower_end_of_micro_step() {}
  /// After the last micro-step, in the open segment: for each group the owned slices of the
  /// averaged gradients, a state value.
  virtual std::vector<ValueId> lower_boundary() = 0;

 protected:
  Builder& builder_;
  FlatPartition partition_;
};

std::unique_ptr<ZeroStage> make_zero_0(Builder& builder);
std::unique_ptr<ZeroStage> make_zero_1(Builder& builder);
std::unique_ptr<ZeroStage> make_zero_2(Builder& builder);
/// That of the scenario.
std::unique_ptr<ZeroStage> make_zero_stage(Builder& builder);

}  // namespace shardproof::real
