#pragma once

#include <span>
#include <string_view>

namespace shardproof {

/// A key of config.json that some configuration class of transformers reads.
struct TransformersKey {
  std::string_view key;
  std::string_view read_by;  // one such class: "GPT2Config"
};

/// All of them, sorted by key.
std::span<const TransformersKey> transformers_keys();

}  // namespace shardproof
