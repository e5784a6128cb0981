#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/data/region_runs.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof {

/// A recorded part of a value: where its elements belong in the tensor that the trace shows, and
/// where they lie in the rank's buffer. An axis that is partial (or flat without a slice per owner)
/// is shown as a leading axis over its group ranks.
///
/// (2, 4) cut along dimension 1 into blocks {{1, 1}, {1, 1}}: rank 0 holds a0 a2 b0 b2, row by row.
/// Stored are its boxes one after another, a0 b0 and a2 b2: runs {0, 1} {2, 1} {1, 1} {3, 1}.
struct Piece {
  std::string name;  // in the folder of the moment
  Shape full_shape;
  std::vector<Region> regions;  // in storage order
  std::vector<Run> runs;        // of the rank's buffer, in storage order
  /// How its elements lie over the grid: those of a parameter in a flat vector over tp as the
  /// parameter itself, over dp as the vector.
  Placement placement;
  bool is_padding = false;  // of a flat vector
};

/// The name under which a flat value shows a parameter: "optimizer/*/master" for
/// "model.norm.weight" is "optimizer/model.norm.weight/master".
std::string with_parameter(std::string name, const std::string& parameter);

/// What is recorded of `value` on `rank`, with as many rows as there are. A tensor of which the
/// rank holds nothing is an empty piece.
std::vector<Piece> pieces_of(const Program& program, const Value& value, Rank rank,
                             const RowCounts& rows = {});

std::int64_t element_count(const Piece& piece);
/// The piece as it is stored, out of the rank's buffer; and back into a buffer.
std::vector<std::byte> stored_bytes(const Piece& piece, std::span<const std::byte> buffer,
                                    std::size_t element_bytes);
void put_back(const Piece& piece, std::span<const std::byte> stored, std::size_t element_bytes,
              std::span<std::byte> buffer);
/// Which stored element of the piece an element of the rank's buffer is; nothing if it is none.
std::optional<std::int64_t> position_in(const Piece& piece, std::int64_t buffer_element);
/// The index, in the tensor that the trace shows, of an element of the rank's buffer; nothing if it
/// does not belong to the piece.
std::optional<Shape> index_in_full(const Piece& piece, std::int64_t buffer_element);

}  // namespace shardproof
