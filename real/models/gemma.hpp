#pragma once

#include <functional>
#include <string>

#include "real/models/network.hpp"

namespace shardproof::real {

/// The layer's index, its path and its normed input -> what its attention gives, not yet normed.
using GemmaAttention =
    std::function<ValueId(std::int64_t index, const std::string& layer, ValueId x)>;

/// What Gemma 2 and 3 have in common: scaled embeddings, norms before and after both halves of a
/// block, a gate that is a GELU, and logits that may have a cap.
ValueId gemma_logits(Network& net, ValueId tokens, const GemmaAttention& attention);

}  // namespace shardproof::real
