#pragma once

#include <vector>

#include "real/backend.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::real {

/// The memory of one rank: a block per value, taken and given back as the plan's lifetimes say. It
/// counts what is live, so that the peak can be compared with the plan's, byte for byte.
class Arena {
 public:
  Arena(Backend& backend, const Program& program, Rank rank);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Taking a value that is there already keeps it.
  void take(ValueId id);
  void give_back(ValueId id);
  /// Counts the rows of all extents that follow from `chosen`, the elements of value `source`: from now
  /// on their tensors have so many.
  void bind(ValueId source, std::span<const std::int64_t> chosen);
  const RowCounts& rows() const { return rows_; }
  /// The local tensor, with as many rows as there are. Throws InvariantError if the value has no memory.
  const TensorView& view(ValueId id) const;

  std::size_t live_bytes() const { return live_bytes_; }
  std::size_t peak_bytes() const { return peak_bytes_; }

 private:
  // Values that are written in place are alike, so they share not only memory, but the view of it.
  TensorView& block(ValueId id);

  Backend& backend_;
  const Program& program_;
  Rank rank_;
  RowCounts rows_;
  std::vector<TensorView> views_;  // by value; data == nullptr: no memory
  std::size_t live_bytes_ = 0;
  std::size_t peak_bytes_ = 0;
};

}  // namespace shardproof::real
