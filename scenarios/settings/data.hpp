#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace shardproof {

/// Where a micro-batch's tokens come from.
struct DataConfig {
  enum class Source { text, tokens, generated };
  Source source = Source::generated;
  std::string path;  // of the text or token file; absolute or relative to the working directory
  std::int64_t sequence = 64;  // T
  /// A token that fills up short samples: positions whose label it is have no loss.
  std::optional<std::int64_t> padding = std::nullopt;
};

}  // namespace shardproof
