#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "scenarios/errors.hpp"

namespace shardproof::fuzz {

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What a reader may do with any input: read it, or refuse it as bad input. Whatever else it throws
/// ends the program, and libFuzzer keeps the input.
template <class Read>
void refused_or(const Read& read) {
  try {
    read();
  } catch (const ScenarioError&) {
  }
}

}  // namespace shardproof::fuzz
