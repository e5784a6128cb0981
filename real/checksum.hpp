#pragma once

#include <cstdint>

namespace shardproof::real {

// The hash of OpKind::checksum over n bytes, which any number of threads can make in any order. The
// bytes are read as little-endian words w_0, w_1, ... of eight; the last one is filled up with
// zeros:
//
//   hash = mix(n + 1) + sum over i of mix(w_i xor mix(i + 1))     modulo 2^64
//
//   bytes 01 02   n = 2, w_0 = 0x0201: mix(3) + mix(0x0201 xor mix(1))
//
// mix is a bijection that lets each bit of its argument change half of its result: the finaliser of
// SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195, variant 13 of Stafford's). So
// one changed word always shows, and so do, but for one case in 2^64, several, and words that have
// changed places. Against an accident, not an adversary. The judge has its own code for it.

constexpr std::uint64_t checksum_mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// What word number `index` adds.
constexpr std::uint64_t checksum_of_word(std::uint64_t word, std::uint64_t index) {
  return checksum_mix(word ^ checksum_mix(index + 1));
}

/// What the number of bytes adds.
constexpr std::uint64_t checksum_of_length(std::uint64_t bytes) { return checksum_mix(bytes + 1); }

/// The upper and the lower half, exact in fp64.
constexpr double checksum_half(std::uint64_t hash, int half) {
  return static_cast<double>(half == 0 ? hash >> 32 : hash & 0xffffffffU);
}

}  // namespace shardproof::real
