#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shardproof {

/// Extents of a tensor, outermost first; row-major everywhere. A scalar has shape {}.
using Shape = std::vector<std::int64_t>;

std::int64_t element_count(const Shape& shape);

/// "(128, 64)", "()" for a scalar.
std::string to_string(const Shape& shape);

/// A half-open box inside a full tensor: offset[d] <= index[d] < offset[d] + extent[d].
struct Region {
  Shape offset;
  Shape extent;
  friend bool operator==(const Region&, const Region&) = default;
};

std::int64_t element_count(const Region& region);
std::int64_t element_count(std::span<const Region> regions);
std::string to_string(const Region& region);

/// The region that is the whole tensor.
Region whole(const Shape& shape);

/// The elements [begin, end) of `box`, counted row-major inside the box, as boxes in storage order.
/// Rows 1..2 of a (3, 4) box are one box; [2, 9) of it are three:
///   . . a a        [2, 4)  head of row 0
///   b b b b        [4, 8)  whole rows
///   c . . .        [8, 9)  start of the next
std::vector<Region> flat_range(const Region& box, std::int64_t begin, std::int64_t end);

/// True if some element lies in both.
bool overlap(const Region& a, const Region& b);
bool overlap(std::span<const Region> a, std::span<const Region> b);
/// The elements that lie in both; nothing if there are none.
std::optional<Region> common(const Region& a, const Region& b);
/// The elements of `a` that do not lie in `b`, as disjoint boxes in storage order of `a`'s
/// dimensions: what is before it, then what is beside it, then what is after it, dimension by
/// dimension.
///   a a a a      a = [0:3, 0:4], b = [1:2, 1:3]: {[0:1, 0:4], [1:2, 0:1], [1:2, 3:4], [2:3, 0:4]}
///   a b b a
///   a a a a
std::vector<Region> minus(const Region& a, const Region& b);

/// True if the region has as many dimensions as `shape`, and no element outside of it.
bool lies_in(const Region& region, const Shape& shape);
/// True if the regions lie in `shape`, do not overlap, and cover every element of it.
bool tiles_exactly(std::span<const Region> regions, const Shape& shape);

/// Index in the full tensor (shape.size() numbers) of element `linear` of the row-major tensor.
Shape unravel(std::int64_t linear, const Shape& shape);
/// The inverse of unravel.
std::int64_t ravel(const Shape& index, const Shape& shape);
/// Index in the full tensor of stored element `i` of a piece made of `regions` in storage order.
Shape index_in_full(std::span<const Region> regions, std::int64_t i);
/// The inverse of index_in_full; nothing if no region has the element.
std::optional<std::int64_t> position_in(std::span<const Region> regions, const Shape& index);

/// Copies a piece, stored as its regions one after another, to where it belongs in the full tensor.
/// piece: element_count(regions) * element_bytes; full: element_count(shape) * element_bytes.
void scatter(std::span<const std::byte> piece, std::span<const Region> regions, const Shape& shape,
             std::size_t element_bytes, std::span<std::byte> full);
/// The inverse of scatter: copies the regions out of the full tensor, one after another.
void extract(std::span<const std::byte> full, const Shape& shape, std::span<const Region> regions,
             std::size_t element_bytes, std::span<std::byte> piece);

}  // namespace shardproof
