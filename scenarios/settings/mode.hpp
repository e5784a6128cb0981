#pragma once

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// What a run does with a batch: forward, backward and update, or forward alone. In inference
/// shards are always as wide as uneven cuts make them, and biases are added in place
/// (spec-autotp 1.1).
enum class Mode { training, inference };

template <>
struct Names<Mode> {
  static constexpr std::array all{"training", "inference"};
};

}  // namespace shardproof
