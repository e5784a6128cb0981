#pragma once

#include <vector>

#include "scenarios/data/safetensors.hpp"
#include "scenarios/plan/pieces.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof {

/// What one step of the schedule leaves to the next: the state values that a step reads before it
/// writes them, unless they never change (tables); and the weights. Masters and moments are
/// carried; accumulators are not, since a step begins by zeroing them. It follows from the program
/// alone, so whatever is added to the state of a run (another moment, a counter) is saved without
/// being named here.
std::vector<ValueId> carried_values(const Program& program);

/// The state that steps change or leave to one another: all but tables.
std::vector<ValueId> changing_values(const Program& program);

/// The tensors that make up the values that are carried: of a flat vector each of its parameters.
std::vector<TensorRow> carried_tensors(const Program& program);

/// A part of a saved tensor: what it is called, and where it lies in the buffer of a rank's value.
struct HeldTensor {
  ValueId value = -1;
  Dtype dtype = Dtype::fp32;
  Piece piece;
  /// Whether this rank writes it: of the replicas of an element only the first of each group does.
  bool saved = false;
};

/// All that `rank` holds of the values that are carried; tensors of which it holds nothing, and the
/// padding of flat vectors, which is zero and belongs to no tensor, are left out.
///
/// (3,) norm weight and (4, 2) matrix cut by rows, tp 2 x dp 2, ZeRO 1; of the masters hold:
///   rank 0 (tp 0, dp 0)  norm [0:3], matrix [0:1, 0:1]
///   rank 1 (tp 1, dp 0)  norm [0:3], matrix [2:3, 0:1]
///   rank 2 (tp 0, dp 1)  matrix the rest of rows 0-1
///   rank 3 (tp 1, dp 1)  matrix the rest of rows 2-3
/// and rank 0 writes the norm.
std::vector<HeldTensor> held_state(const Program& program, Rank rank);

}  // namespace shardproof
