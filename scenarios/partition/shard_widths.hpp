#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardproof {

/// What decides how AutoTP cuts a dimension, beside its size and the layer's name.
struct WidthRule {
  std::optional<std::int64_t> kv_heads;  // of the model; absent: no alignment to heads
  std::int64_t grain = 1;                // tensor_parallel.tp.tp_grain_size
};

/// How AutoTP cuts `total` features of the layer `name` among `tp` ranks; the widths sum to total.
///
///   by KV heads   if the heads divide total and the name is none of an MLP or an output layer:
///                 whole heads, the surplus to the low ranks     2048 of 8 heads / 3: 768 768 512
///   by grains     else, if there is a whole grain: whole grains, the surplus to the low ranks, the
///                 rest to the last                                     10 of grain 4 / 2: 4 6
///   near-even     else                                                            3 / 4: 1 1 1 0
///
/// "mlp", "gate_proj", "up_proj", "down_proj", "w1", "w2" and "w3" anywhere in the name stand for
/// an MLP; output layers are those of output_projection.hpp.
/// Throws ScenarioError if kv_heads is not positive. Source: DeepSpeed, module_inject/tp_shard.py.
std::vector<std::int64_t> shard_widths(std::int64_t total, int tp, const std::string& name,
                                       const WidthRule& rule);

}  // namespace shardproof
