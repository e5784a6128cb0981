#include "scenarios/shape.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

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

bool tiles_exactly(std::span<const Region> regions, const Shape& shape) {
  std::vector<char> seen(static_cast<std::size_t>(element_count(shape)), 0);
  for (const Region& region : regions) {
    if (region.offset.size() != shape.size() || region.extent.size() != shape.size()) return false;
    for (std::size_t d = 0; d < shape.size(); ++d)
      if (region.offset[d] < 0 || region.extent[d] < 0 ||
          region.offset[d] + region.extent[d] > shape[d])
        return false;
    bool overlap = false;
    for_each_run(region, shape, [&](std::int64_t start, std::int64_t length) {
      for (std::int64_t i = start; i < start + length; ++i) {
        overlap |= seen[static_cast<std::size_t>(i)] != 0;
        seen[static_cast<std::size_t>(i)] = 1;
      }
    });
    if (overlap) return false;
  }
  return std::all_of(seen.begin(), seen.end(), [](char c) { return c != 0; });
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
