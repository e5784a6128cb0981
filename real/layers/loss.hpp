#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// A loss and its gradient.
struct LossKind {
  OpKind forward, backward;
};
inline constexpr LossKind cross_entropy{OpKind::cross_entropy, OpKind::cross_entropy_backward};
inline constexpr LossKind squared_error{OpKind::squared_error, OpKind::squared_error_backward};

/// The loss of each replica: the mean over its own labels (spec-autotp 7.9), computed alike on
/// every rank of a TP group. It is where the way back begins.
class Loss : public Layer {
 public:
  Loss(Site site, LossKind kind) : Layer(std::move(site)), kind_(kind) {}
  /// logits (B, T, V) whole, labels (B, T) -> forward/`module`/output (1) of each replica.
  ValueId forward(ValueId logits, ValueId labels);
  /// The loss is not divided by the accumulation; the gradient that enters backward is
  /// (spec-autotp 7.7.1), and multiplied by the loss scale if there is one.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  LossKind kind_;
  ValueId logits_ = -1, labels_ = -1;
};

}  // namespace shardproof::real
