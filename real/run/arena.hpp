#pragma once

#include <vector>

#include "real/device.hpp"
#include "scenarios/plan/memory_layout.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::real {

/// The memory of one rank: one piece of the device's, taken once, with a place for every value.
/// Values live from take() to give_back(), as the plan's lifetimes say; whoever asks for one at
/// another time is told so. How far the places reach that were ever taken can be compared with the
/// plan's peak, byte for byte.
class Arena {
 public:
  Arena(Device& device, const Program& program, Rank rank);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Taking a value that is there already keeps it.
  void take(ValueId id);
  void give_back(ValueId id);
  /// Counts the rows of all extents that follow from `chosen`, the elements of value `source`: from
  /// now on their tensors have so many.
  void bind(ValueId source, std::span<const std::int64_t> chosen);
  const RowCounts& rows() const { return rows_; }
  /// The local tensor, with as many rows as there are. Throws InvariantError if the value does not
  /// live.
  const TensorView& view(ValueId id) const;

  std::size_t peak_bytes() const { return peak_bytes_; }

 private:
  // Values that are written in place are alike, so they share not only memory, but the view of it.
  std::size_t index_of(ValueId id) const;

  Device& device_;
  const Program& program_;
  Rank rank_;
  MemoryLayout layout_;
  std::byte* memory_;
  RowCounts rows_;
  std::vector<TensorView> views_;  // by value
  std::vector<bool> lives_;        // by value
  std::size_t peak_bytes_ = 0;
};

}  // namespace shardproof::real
