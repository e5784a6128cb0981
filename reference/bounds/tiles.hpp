#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "reference/bounds/replay.hpp"

namespace shardproof::reference {

/// A box of a tensor that is seen as a matrix of its last dimension: (..., C) as rows of C columns,
/// a scalar as one of one.
struct Box {
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t first_column = 0;
  std::int64_t columns = 0;

  std::int64_t elements() const { return rows * columns; }
  friend bool operator==(const Box&, const Box&) = default;
};

/// The matrix that a tensor is seen as.
Box matrix_of(const Shape& shape);

/// What a unit takes and gives, without its numbers.
struct UnitShapes {
  UnitKind kind;
  const UnitAttributes& attributes;
  std::vector<Shape> arguments;
  Shape result;
};

/// A part of a unit that is a unit of the same kind: of these boxes of its arguments
/// it makes that box of the result. Each box is given to replay() as a tensor of the shape beside
/// it.
///
///     matmul (4, I) x (O, I) -> (4, O), a tile:     rows 2, 3 of x, rows 0 ... 7 of the weight
///                                                -> rows 2, 3 and columns 0 ... 7 of the result
struct Tile {
  struct Argument {
    Box box;
    Shape shape;
  };
  Box result;
  std::vector<Argument> arguments;
  UnitAttributes attributes = {};  // the unit's, but for the rows that it makes
};

/// The tiles of a unit, which cover its result once, in an order that depends on the shapes alone.
/// Each works on about `elements` numbers at most, where the function allows it; of a function
/// whose every element may depend on everything there is one tile, the whole.
std::vector<Tile> tiles_of(const UnitShapes& unit, std::int64_t elements);

/// Whether each element of the result follows from the elements at its place, and from arguments
/// that are one number.
bool is_element_by_element(UnitKind kind);

/// Whether the unit gives one number of all elements of its arguments, and so can be made of parts
/// of them by combine().
bool is_reduction(UnitKind kind);
/// The result of a reduction from those of its parts, which together have `elements` elements.
UnitResult combine(UnitKind kind, std::span<const UnitResult> parts, std::int64_t elements);

}  // namespace shardproof::reference
