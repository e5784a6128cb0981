#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// The attributes with which features are taken apart or put together: of heads that are `parts`
/// side by side, or, where all features are one head, of blocks one after another.
Attributes split_attributes(const Value& whole, const std::vector<std::int64_t>& parts);
/// How part k is cut if the whole is cut as `whole` says: as its block is, or between the heads.
/// Throws ScenarioError if the cut goes through a head.
AxisPlacement cut_of_part(const Value& whole, const std::vector<std::int64_t>& parts,
                          std::size_t k);

/// Takes features apart: (B, T, h*F) -> (B, T, h*parts[k]) ..., F the sum of the parts. A fused
/// [Q; K; V] is one such head. Bits are moved, nothing is communicated.
class Split : public Layer {
 public:
  using Layer::Layer;
  /// forward/`module`/`roles[k]`, each cut as its part of x is.
  std::vector<ValueId> forward(const std::vector<std::string>& roles, ValueId x,
                               const std::vector<std::int64_t>& parts);
  /// A gradient of each part -> their join.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId x_ = -1;
  std::vector<std::int64_t> parts_;
  std::string what_;
};

}  // namespace shardproof::real
