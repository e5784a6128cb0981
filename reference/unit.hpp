#pragma once

#include <string>
#include <vector>

#include "reference/replay.hpp"

namespace shardproof::reference {

/// A reference unit: what some recorded tensor must be, given other recorded tensors.
struct Unit {
  UnitKind kind;
  UnitAttributes attributes;
  std::vector<std::string> inputs;  // trace paths, or `zero_input`
  std::string output;               // trace path
  Shape shape;                      // of the full output
  std::string module = "";          // that computes it; "": none of the model's
};

/// Stands for a tensor of zeros, like the output: the moments before the first step.
inline constexpr const char* zero_input = "zero";

}  // namespace shardproof::reference
