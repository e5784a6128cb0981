#include "scenarios/shape.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <tuple>
#include <utility>

#include "scenarios/counts.hpp"
#include "scenarios/errors.hpp"

namespace shardproof {

std::int64_t element_count(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, product);
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (std::size_t d = 0; d < shape.size(); ++d) text += (d ? ", " : "") + std::to_string(shape[d]);
  return text + ")";
}

std::int64_t element_count(const Region& region) { return element_count(region.extent); }

std::int64_t element_count(std::span<const Region> regions) {
  std::int64_t count = 0;
  for (const Region& region : regions) count = sum(count, element_count(region));
  return count;
}

std::string to_string(const Region& region) {
  std::string text = "[";
  for (std::size_t d = 0; d < region.offset.size(); ++d)
    text += (d ? ", " : "") + std::to_string(region.offset[d]) + ":" +
            std::to_string(region.offset[d] + region.extent[d]);
  return text + "]";
}

Region whole(const Shape& shape) { return {Shape(shape.size(), 0), shape}; }

namespace {

// Appends [begin, end) of the box, where the dimensions before `dim` are already fixed.
void append_flat_range(const Region& box, std::size_t dim, std::int64_t begin, std::int64_t end,
                       std::vector<Region>& out) {
  if (begin >= end) return;
  if (dim >= box.extent.size()) {
    out.push_back(box);
    return;
  }
  const Shape inner_extent(box.extent.begin() + static_cast<std::ptrdiff_t>(dim) + 1,
                           box.extent.end());
  const std::int64_t inner = element_count(inner_extent);
  const auto rows = [&](std::int64_t first, std::int64_t count) {
    Region part = box;
    part.offset[dim] += first;
    part.extent[dim] = count;
    return part;
  };
  std::int64_t row = begin / inner;
  const std::int64_t last = (end - 1) / inner;
  const std::int64_t head = begin - row * inner;
  if (row == last && (head != 0 || end != (row + 1) * inner)) {
    append_flat_range(rows(row, 1), dim + 1, head, end - row * inner, out);
    return;
  }
  if (head != 0) {
    append_flat_range(rows(row, 1), dim + 1, head, inner, out);
    ++row;
  }
  const std::int64_t whole_end = end / inner;
  if (whole_end > row) out.push_back(rows(row, whole_end - row));
  append_flat_range(rows(whole_end, 1), dim + 1, 0, end - whole_end * inner, out);
}

// Calls visit(linear offset in the full tensor, run length) for each contiguous run of a region.
template <class Visit>
void for_each_run(const Region& region, const Shape& shape, Visit&& visit) {
  if (element_count(region) == 0) return;
  const std::size_t rank = shape.size();
  if (rank == 0) {
    visit(std::int64_t{0}, std::int64_t{1});
    return;
  }
  Shape index = region.offset;
  while (true) {
    visit(ravel(index, shape), region.extent[rank - 1]);
    std::size_t d = rank - 1;
    while (d > 0) {
      --d;
      if (++index[d] < region.offset[d] + region.extent[d]) break;
      index[d] = region.offset[d];
      if (d == 0) return;
    }
    if (rank == 1) return;
  }
}

}  // namespace

std::vector<Region> flat_range(const Region& box, std::int64_t begin, std::int64_t end) {
  SHARDPROOF_EXPECTS(0 <= begin && begin <= end && end <= element_count(box), begin, end,
                     to_string(box));
  std::vector<Region> out;
  append_flat_range(box, 0, begin, end, out);
  return out;
}

bool overlap(const Region& a, const Region& b) {
  for (std::size_t d = 0; d < a.offset.size(); ++d)
    if (std::max(a.offset[d], b.offset[d]) >=
        std::min(a.offset[d] + a.extent[d], b.offset[d] + b.extent[d]))
      return false;
  return true;
}

bool overlap(std::span<const Region> a, std::span<const Region> b) {
  return std::any_of(a.begin(), a.end(), [&](const Region& one) {
    return std::any_of(b.begin(), b.end(),
                       [&](const Region& other) { return overlap(one, other); });
  });
}

std::optional<Region> common(const Region& a, const Region& b) {
  if (!overlap(a, b)) return std::nullopt;
  Region both = a;
  for (std::size_t d = 0; d < a.offset.size(); ++d) {
    both.offset[d] = std::max(a.offset[d], b.offset[d]);
    both.extent[d] =
        std::min(a.offset[d] + a.extent[d], b.offset[d] + b.extent[d]) - both.offset[d];
  }
  return both;
}

std::vector<Region> minus(const Region& a, const Region& b) {
  const std::optional<Region> both = common(a, b);
  if (!both) return {a};
  std::vector<Region> before, after;
  Region rest = a;  // what is left, narrowed to `both` in one dimension after the other
  for (std::size_t d = 0; d < a.offset.size(); ++d) {
    const auto part = [&](std::int64_t begin, std::int64_t end) {
      Region slab = rest;
      slab.offset[d] = begin;
      slab.extent[d] = end - begin;
      return slab;
    };
    const std::int64_t begin = both->offset[d];
    const std::int64_t end = begin + both->extent[d];
    const std::int64_t last = rest.offset[d] + rest.extent[d];
    if (rest.offset[d] < begin) before.push_back(part(rest.offset[d], begin));
    if (end < last) after.push_back(part(end, last));
    rest = part(begin, end);
  }
  before.insert(before.end(), after.rbegin(), after.rend());
  return before;
}

namespace {

using Boxes = std::vector<const Region*>;

// Sorts by the dimension along which boxes begin at most places, and gives it: along it, a box has
// to be held against the fewest others.
std::size_t sort_along_the_most_cut(Boxes& boxes, std::size_t dimensions) {
  std::size_t best = 0, most = 0;
  for (std::size_t d = 0; d < dimensions; ++d) {
    std::vector<std::int64_t> places;
    for (const Region* box : boxes) places.push_back(box->offset[d]);
    std::sort(places.begin(), places.end());
    const auto count =
        static_cast<std::size_t>(std::unique(places.begin(), places.end()) - places.begin());
    if (count > most) std::tie(best, most) = std::pair(d, count);
  }
  std::sort(boxes.begin(), boxes.end(),
            [best](const Region* a, const Region* b) { return a->offset[best] < b->offset[best]; });
  return best;
}

bool are_disjoint(Boxes boxes, std::size_t dimensions) {
  if (boxes.size() < 2 || dimensions == 0) return boxes.size() < 2;
  const std::size_t d = sort_along_the_most_cut(boxes, dimensions);
  for (auto box = boxes.begin(); box != boxes.end(); ++box)
    for (auto other = box + 1; other != boxes.end(); ++other) {
      if ((*other)->offset[d] >= (*box)->offset[d] + (*box)->extent[d]) break;
      if (overlap(**box, **other)) return false;
    }
  return true;
}

}  // namespace

// No sum is made, which of numbers that a file tells may be too large.
bool lies_in(const Region& region, const Shape& shape) {
  if (region.offset.size() != shape.size() || region.extent.size() != shape.size()) return false;
  for (std::size_t d = 0; d < shape.size(); ++d)
    if (region.offset[d] < 0 || region.extent[d] < 0 ||
        region.offset[d] > shape[d] - region.extent[d])
      return false;
  return true;
}

// As many elements as the tensor has, and none twice, are all of them.
bool tiles_exactly(std::span<const Region> regions, const Shape& shape) {
  Boxes boxes;
  std::int64_t missing = element_count(shape);
  for (const Region& region : regions) {
    if (!lies_in(region, shape)) return false;
    const std::int64_t count = element_count(region);
    if (count > missing) return false;
    missing -= count;
    if (count > 0) boxes.push_back(&region);
  }
  return missing == 0 && are_disjoint(std::move(boxes), shape.size());
}

Shape unravel(std::int64_t linear, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t d = shape.size(); d-- > 0;) {
    index[d] = linear % shape[d];
    linear /= shape[d];
  }
  return index;
}

std::int64_t ravel(const Shape& index, const Shape& shape) {
  std::int64_t linear = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) linear = linear * shape[d] + index[d];
  return linear;
}

Shape index_in_full(std::span<const Region> regions, std::int64_t i) {
  for (const Region& region : regions) {
    const std::int64_t count = element_count(region);
    if (i < count) {
      Shape index = unravel(i, region.extent);
      for (std::size_t d = 0; d < index.size(); ++d) index[d] += region.offset[d];
      return index;
    }
    i -= count;
  }
  SHARDPROOF_EXPECTS(false, "element", i, "past the end of the piece");
  return {};
}

std::optional<std::int64_t> position_in(std::span<const Region> regions, const Shape& index) {
  std::int64_t before = 0;
  for (const Region& region : regions) {
    bool inside = true;
    std::int64_t at = 0;
    for (std::size_t d = 0; d < index.size() && inside; ++d) {
      const std::int64_t here = index[d] - region.offset[d];
      inside = here >= 0 && here < region.extent[d];
      at = at * region.extent[d] + here;
    }
    if (inside) return before + at;
    before += element_count(region);
  }
  return std::nullopt;
}

void scatter(std::span<const std::byte> piece, std::span<const Region> regions, const Shape& shape,
             std::size_t element_bytes, std::span<std::byte> full) {
  SHARDPROOF_EXPECTS(
      piece.size() == static_cast<std::size_t>(element_count(regions)) * element_bytes,
      piece.size(), element_count(regions));
  SHARDPROOF_EXPECTS(full.size() == static_cast<std::size_t>(element_count(shape)) * element_bytes,
                     full.size(), to_string(shape));
  const std::byte* from = piece.data();
  for (const Region& region : regions)
    for_each_run(region, shape, [&](std::int64_t start, std::int64_t length) {
      const std::size_t bytes = static_cast<std::size_t>(length) * element_bytes;
      std::memcpy(full.data() + static_cast<std::size_t>(start) * element_bytes, from, bytes);
      from += bytes;
    });
}

void extract(std::span<const std::byte> full, const Shape& shape, std::span<const Region> regions,
             std::size_t element_bytes, std::span<std::byte> piece) {
  SHARDPROOF_EXPECTS(
      piece.size() == static_cast<std::size_t>(element_count(regions)) * element_bytes,
      piece.size(), element_count(regions));
  SHARDPROOF_EXPECTS(full.size() == static_cast<std::size_t>(element_count(shape)) * element_bytes,
                     full.size(), to_string(shape));
  std::byte* to = piece.data();
  for (const Region& region : regions)
    for_each_run(region, shape, [&](std::int64_t start, std::int64_t length) {
      const std::size_t bytes = static_cast<std::size_t>(length) * element_bytes;
      std::memcpy(to, full.data() + static_cast<std::size_t>(start) * element_bytes, bytes);
      to += bytes;
    });
}

}  // namespace shardproof
