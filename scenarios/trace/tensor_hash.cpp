#include "scenarios/trace/tensor_hash.hpp"

#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
// XXH3_64bits is from here on the one that takes the widest vectors which the processor has: the
// library's own has those that every processor has, and takes twice to three times as long.
#include <xxh_x86dispatch.h>
#endif

#include <algorithm>
#include <bit>

namespace shardproof {

static_assert(std::endian::native == std::endian::little, "hashes are hashed as they lie");

std::uint64_t xxh3(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::vector<std::uint64_t> block_hashes(std::span<const std::byte> bytes) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve((bytes.size() + hash_block_bytes - 1) / hash_block_bytes);
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), hash_block_bytes);
    hashes.push_back(xxh3(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  return hashes;
}

std::uint64_t hash_of_blocks(std::span<const std::uint64_t> blocks) {
  return xxh3(std::as_bytes(blocks));
}

std::uint64_t tensor_hash(std::span<const std::byte> bytes) {
  return hash_of_blocks(block_hashes(bytes));
}

}  // namespace shardproof
