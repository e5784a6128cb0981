#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reference/bounds/replay.hpp"

namespace shardproof::reference {

/// Which rows of a tensor are there: of `rows` for each of `groups` batch groups only the first, as
/// many as tokens of the group chose the expert.
struct RoutedRows {
  std::string selected;  // trace path of the choices, (B, T, k)
  std::int64_t expert = 0;
  std::int64_t groups = 1;
  std::int64_t rows = 0;
  friend bool operator==(const RoutedRows&, const RoutedRows&) = default;
};

/// A reference unit: what some recorded tensor must be, given other recorded tensors.
struct Unit {
  UnitKind kind;
  UnitAttributes attributes;
  std::vector<std::string> inputs;                // trace paths, or `zero_input`
  std::string output;                             // trace path
  Shape shape;                                    // of the full output
  std::string module = "";                        // that computes it; "": none of the model's
  std::optional<RoutedRows> rows = std::nullopt;  // none: all of them
};

/// Stands for a tensor of zeros, like the output: the moments before the first step.
inline constexpr const char* zero_input = "zero";

}  // namespace shardproof::reference
