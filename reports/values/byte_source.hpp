#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

using Bytes = std::vector<std::byte>;

/// Bytes that lie somewhere, or could be made, and are read by ranges: never all at once, unless
/// somebody asks for all. Any number of threads may read.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `out` with the bytes from `begin` on; whole elements of what they are bytes of.
  virtual void read(std::size_t begin, std::span<std::byte> out) const = 0;
};
using SharedSource = std::shared_ptr<const ByteSource>;

/// Zeros, as many as one asks for.
SharedSource zeros();
SharedSource in_memory(Bytes bytes);
/// Bytes that are somebody else's, who must keep them.
SharedSource borrowed(std::span<const std::byte> bytes);
/// Of a dataset, as they are stored. The reader must outlive it.
SharedSource stored(const TraceReader& reader, const StoredDataset& dataset);

/// What a function makes of a range: make(begin, out) as read(). Of at most `kept_bytes` it makes
/// each block once, and all that it makes at once if that is asked for; what is made is kept as
/// long as the source.
enum class Keep { if_small, always };
SharedSource computed(std::size_t size, std::function<void(std::size_t, std::span<std::byte>)> make,
                      Keep keep = Keep::if_small);
inline constexpr std::size_t kept_bytes = 4 << 20;

}  // namespace shardproof::reports
