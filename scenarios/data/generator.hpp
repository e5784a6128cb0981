#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace shardproof {

/// Philox4x32 with 10 rounds: counter and key to four words, a bijection of the counter.
/// Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
std::array<std::uint32_t, 4> philox(const std::array<std::uint32_t, 4>& counter,
                                    const std::array<std::uint32_t, 2>& key);

/// The numbers of one tensor: (seed, name, index) -> value, so that any shard can be made anywhere.
/// key = the two halves of the seed, counter = (index low, index high, name hash low, high), where
/// the hash is XXH3-64: tensors of different names share no block. Every value is made from
/// integers by correctly rounded operations, never by libm, so the bits are the same on every
/// machine.
class Generator {
 public:
  Generator(std::uint64_t seed, std::string_view name);

  /// In [0, 1): the upper 53 bits of the first two words, times 2^-53.
  double uniform(std::int64_t index) const;
  /// Nearly normal, mean 0, variance 1, within +-4.9: the sum of the eight 16-bit halves, less its
  /// mean 8 * 65535 / 2, times the constant nearest to the reciprocal of its standard deviation
  /// sqrt(8 (65536^2 - 1) / 12). One rounding.
  double normal(std::int64_t index) const;
  /// In [0, bound), bound <= 2^32: floor(word * bound / 2^32).
  std::int64_t below(std::int64_t bound, std::int64_t index) const;

 private:
  std::array<std::uint32_t, 4> words(std::int64_t index) const;

  std::array<std::uint32_t, 2> key_;
  std::uint64_t name_hash_;
};

}  // namespace shardproof
