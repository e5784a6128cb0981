#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// The same features for every head: (B, T, p) -> (B, T, h*p), as DeepSeek's key_pe is shared by
/// all heads of attention. Where the heads of `module` are cut over the TP group, each rank repeats
/// them for its own heads only.
///
///   forward    y_t = x, h_t times                                   no communication
///   backward   dx = all-reduce over tp of the sum of dy_t over its heads
class RepeatHeads : public Layer {
 public:
  using Layer::Layer;
  /// x replicated over tp -> forward/`module`/`role`: cut as the output features of `module` are, a
  /// linear layer of as many heads; whole if it is no column.
  ValueId forward(const std::string& role, ValueId x, std::int64_t heads);
  /// dy cut between heads -> dx complete on every rank.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  AxisPlacement cut_of_heads(std::int64_t heads, std::int64_t width);
  ValueId x_ = -1;
  std::string role_;
};

}  // namespace shardproof::real
