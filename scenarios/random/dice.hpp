#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/errors.hpp"

namespace shardproof {

/// Draws that follow from a seed and a subject alone, on every machine and with every library.
/// Subjects do not disturb each other: what is drawn for "model" stays what it was when "optimizer"
/// takes a draw more.
///
///     Dice dice(7, "model");
///     const int layers = dice.between(1, 2);
///     const char* type = dice.one_of({"Adam", "SGD"});
class Dice {
 public:
  Dice(std::uint64_t seed, std::string_view subject) : state_(mixed(seed)) {
    for (const char c : subject) state_ = mixed(state_ ^ static_cast<unsigned char>(c));
  }

  /// One of low, low + 1, ..., high.
  int between(int low, int high) {
    SHARDPROOF_EXPECTS(low <= high, low, high);
    return low + static_cast<int>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <typename T>
  T one_of(const std::vector<T>& faces) {
    return faces.at(static_cast<std::size_t>(between(0, static_cast<int>(faces.size()) - 1)));
  }
  const char* one_of(const std::vector<const char*>& faces) { return one_of<const char*>(faces); }

 private:
  // SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
  static std::uint64_t mixed(std::uint64_t z) {
    z += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t next() { return state_ = mixed(state_); }

  std::uint64_t state_;
};

}  // namespace shardproof
