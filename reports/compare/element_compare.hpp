#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// What became of the elements of one tensor. The judge never passes compared == 0.
struct Comparison {
  std::int64_t compared = 0;
  std::int64_t failed = 0;
  std::int64_t first_failed = -1;  // linear index
  double expected = 0;             // of the first failed element: f, what was recorded, and b + e
  double got = 0;
  double bound = 0;
  double max_ratio = 0;     // over all finite elements; 0 where all bits agree
  double max_absolute = 0;  // where bits were compared: |got - expected|; inf beside NaN or inf
  std::optional<double> factor = std::nullopt;  // that all got have too much (common_factor.hpp)

  /// Takes over what was found of other elements of the same tensor, but for `factor`, which is of
  /// all or none. `first_failed` counts in the tensor.
  void add(const Comparison& other);
  bool all_passed() const { return failed == 0 && compared > 0; }
};

/// What becomes of an inf or a NaN that is in no acceptance set. In a step that is skipped for it,
/// one is accepted where an accumulator or a hop may have overflowed, and wherever an argument was
/// not finite already: 0 * inf is NaN for who multiplies by that zero, and nothing for who does
/// not. Beside such an argument an element may have no bound: it then may be anything.
enum class NonFinite { refused, accepted };

/// Whether element i of a unit's result may be r: by rounding_set's rule, or by equality of value
/// and sign of zero where bound and error are zero.
bool passes(Dtype storage, const reference::UnitResult& unit, std::size_t i, double r,
            NonFinite non_finite = NonFinite::refused);

/// Bound and error together; empty where bits must agree.
std::vector<double> room_of(const reference::UnitResult& unit);

/// Compares recorded elements with the acceptance sets of a unit. Unless they are accepted, a NaN
/// always fails, and so does an infinity that is not in the set. Throws InvariantError if the
/// counts differ, or if the unit is unsound (then there is nothing to compare: the judge says
/// `unknown`).
Comparison compare_to_set(Dtype storage, const reference::UnitResult& unit,
                          std::span<const double> recorded,
                          NonFinite non_finite = NonFinite::refused);

/// Two tensors of one dtype, bit by bit: elements fail whose bytes differ.
/// Throws InvariantError if the sizes differ or are no multiple of the element size.
Comparison compare_bits(std::span<const std::byte> expected, std::span<const std::byte> got,
                        Dtype dtype);

}  // namespace shardproof::reports
