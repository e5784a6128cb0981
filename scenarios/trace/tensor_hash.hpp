#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace shardproof {

/// XXH3-64, seed 0, of bytes as they are: of a block, a text, a table. A tensor's hash is another.
std::uint64_t xxh3(std::span<const std::byte> bytes);

/// XXH3-128, seed 0, low half first: for keys of which no two may meet.
std::array<std::uint64_t, 2> xxh3_128(std::span<const std::byte> bytes);

/// A tensor is hashed in blocks of this size, so that threads, or a GPU, can each make a part:
///
///     bytes    [0, 65536)   [65536, 131072)   [131072, 131142)      a tensor of 131142 bytes
///     blocks   h0           h1                h2                    XXH3-64 of each
///     tensor   XXH3-64 of the 24 bytes h0 h1 h2, each little-endian
///
/// The last block may be shorter. A tensor of one block is hashed twice, too; one of no bytes has
/// no block, and its hash is XXH3-64 of nothing.
inline constexpr std::size_t hash_block_bytes = 65536;

/// Of each block in order, the last of which may be short.
std::vector<std::uint64_t> block_hashes(std::span<const std::byte> bytes);
/// The hash of the tensor whose blocks have these.
std::uint64_t hash_of_blocks(std::span<const std::uint64_t> blocks);
/// The same from all of its bytes at once.
std::uint64_t tensor_hash(std::span<const std::byte> bytes);

/// The same from its bytes as they come, in parts of any size.
class TensorHasher {
 public:
  void add(std::span<const std::byte> bytes);
  /// Of everything so far.
  std::uint64_t hash() const;

 private:
  std::vector<std::uint64_t> blocks_;  // of the whole ones
  std::vector<std::byte> rest_;        // shorter than a block
};

}  // namespace shardproof
