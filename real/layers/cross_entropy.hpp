#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// The loss of each replica: the mean over its own labels (spec-autotp 7.9), computed alike on
/// every rank of a TP group. It is where the way back begins.
class CrossEntropy : public Layer {
 public:
  using Layer::Layer;
  /// logits (B, T, V) whole, labels (B, T) -> forward/`module`/output (1) of each replica.
  ValueId forward(ValueId logits, ValueId labels);
  /// The loss is not divided by the accumulation; the gradient that enters backward is
  /// (spec-autotp 7.7.1), and multiplied by the loss scale if there is one.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId logits_ = -1, labels_ = -1;
};

}  // namespace shardproof::real
