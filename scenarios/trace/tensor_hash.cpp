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

std::array<std::uint64_t, 2> xxh3_128(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
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

void TensorHasher::add(std::span<const std::byte> bytes) {
  const auto keep = [this](std::span<const std::byte> some) {
    rest_.insert(rest_.end(), some.begin(), some.end());
  };
  if (!rest_.empty()) {
    const std::size_t missing = std::min(hash_block_bytes - rest_.size(), bytes.size());
    keep(bytes.first(missing));
    bytes = bytes.subspan(missing);
    if (rest_.size() < hash_block_bytes) return;
    blocks_.push_back(xxh3(rest_));
    rest_.clear();
  }
  for (; bytes.size() >= hash_block_bytes; bytes = bytes.subspan(hash_block_bytes))
    blocks_.push_back(xxh3(bytes.first(hash_block_bytes)));
  keep(bytes);
}

std::uint64_t TensorHasher::hash() const {
  std::vector<std::uint64_t> blocks = blocks_;
  if (!rest_.empty()) blocks.push_back(xxh3(rest_));
  return hash_of_blocks(blocks);
}

}  // namespace shardproof
