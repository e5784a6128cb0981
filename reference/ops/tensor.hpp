#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::reference {

/// A dense row-major tensor that owns its elements. The oracle computes in `double`; the tests of
/// its derivatives put dual numbers in the same places.
template <class Scalar>
struct TensorOf {
  Shape shape;
  std::vector<Scalar> values;

  TensorOf() = default;
  /// All zero.
  explicit TensorOf(Shape extents)
      : shape(std::move(extents)), values(static_cast<std::size_t>(element_count(shape))) {}
  TensorOf(Shape extents, std::vector<Scalar> elements)
      : shape(std::move(extents)), values(std::move(elements)) {
    SHARDPROOF_EXPECTS(static_cast<std::int64_t>(values.size()) == element_count(shape),
                       values.size(), to_string(shape));
  }

  Scalar& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  const Scalar& operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
  std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
  /// The last extent: the length of a row.
  std::int64_t columns() const { return shape.back(); }
  /// The product of all other extents.
  std::int64_t rows() const { return element_count(Shape(shape.begin(), shape.end() - 1)); }
};

using Tensor = TensorOf<double>;
/// Token ids and labels, (B, T).
using Tokens = TensorOf<std::int64_t>;

}  // namespace shardproof::reference
