#pragma once

#include <map>
#include <string>

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// What changes from step to step (scenarios/config/deepspeed/optimizer_names.hpp), by name:
/// one-element tensors in the policy's dtype of scalars, the same on all ranks.
using UpdateScalars = std::map<std::string, ValueId>;
/// Loads them, in the open segment.
UpdateScalars load_update_scalars(Builder& builder);

/// How a flat master p follows its gradient g, and the states that it remembers (spec-autotp 7.5):
///
///   AdamW            m, v of g;  p - lr ((m / c1) / (sqrt(v / c2) + eps) + wd p)
///   Adam             d = g + wd p;  the same of d, without the last term
///   SGD              d = g + wd p;  p - lr d
///     with momentum  b <- d + mu b;  p - lr b, or p - lr (d + mu b) in Nesterov's form
///
/// torch's form of AdamW and Adam is the same, rounded elsewhere: p (1 - lr wd) - (lr / c1 m) /
/// (sqrt(v) / sqrt(c2) + eps).
class UpdateRule {
 public:
  /// Declares the states, cut as the owned slices of a parameter group.
  UpdateRule(Builder& builder, const FlatGroup& group);

  /// Sets the states to what they are before the first update, or were when they were saved, in the
  /// open segment.
  void lower_initial(Builder& builder) const;
  /// One update of `master` by `gradient`, both in the master's dtype.
  void lower(Builder& builder, const UpdateScalars& scalars, ValueId master,
             ValueId gradient) const;

 private:
  ValueId decayed(Builder& builder, OpKind decay, ValueId master, ValueId gradient) const;
  void lower_adam(Builder& builder, const UpdateScalars& scalars, ValueId master, ValueId gradient,
                  double weight_decay) const;
  void lower_sgd(Builder& builder, const UpdateScalars& scalars, ValueId master,
                 ValueId gradient) const;

  FlatGroup group_;
  std::map<std::string, ValueId> states_;
};

}  // namespace shardproof::real
