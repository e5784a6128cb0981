#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "scenarios/shape.hpp"

namespace shardproof {

/// Consecutive elements to be copied: from a holder's stored part of a tensor, counted from its
/// begin, to the part that somebody wants.
struct Copy {
  int holder = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t count = 0;
  friend bool operator==(const Copy&, const Copy&) = default;
};

/// Who has which part of one tensor. Every part is a list of regions of the full tensor, stored one
/// after another: shards of any widths, slices of flat vectors, whole replicas. So one algorithm
/// carries a tensor from any layout to any other:
///
///     for every region that is wanted, copy the runs from whoever has them.
///
/// A (4, 4) tensor of which holder 0 has rows 0-1 and holder 1 rows 2-3; wanted is [1:3, 2:4]:
///
///     . . . .          copies_to({[1:3, 2:4]})   {holder 0, from 6, to 0, count 2}
///     . . a b  0                                 {holder 1, from 2, to 2, count 2}
///     . . c d  1
///     . . . .
class TensorSources {
 public:
  explicit TensorSources(Shape shape);

  const Shape& shape() const { return shape_; }
  /// The regions must lie in the tensor. An element that several holders have is taken from the one
  /// that was added first.
  void add(int holder, std::span<const Region> regions);
  /// What nobody has; empty if the holders have every element.
  const std::vector<Region>& missing() const { return missing_; }

  /// An element that `later` has too, at `copy.to` of its part.
  struct Repeat {
    Copy copy;
    int later = 0;
  };
  /// Every element that somebody has beside the one it is taken from: the bits must be equal.
  std::vector<Repeat> repeats() const;

  /// What to copy so that `wanted`, stored region after region, is filled; in the order of the
  /// holders. InvariantError if an element of it is missing.
  std::vector<Copy> copies_to(std::span<const Region> wanted) const;

 private:
  /// A region of a holder's part, which begins at element `first` of it.
  struct Source {
    int holder;
    Region stored;
    std::int64_t first;
    std::vector<Region> taken;  // the boxes of it that no earlier source has
  };

  Shape shape_;
  std::vector<Source> sources_;
  std::vector<Region> missing_;
};

/// The stored bytes of a holder's part.
using HolderBytes = std::function<std::span<const std::byte>(int holder)>;

/// Fills `out`, which is `wanted` stored region after region.
void copy_regions(const TensorSources& sources, const HolderBytes& bytes_of,
                  std::span<const Region> wanted, std::size_t element_bytes,
                  std::span<std::byte> out);

}  // namespace shardproof
