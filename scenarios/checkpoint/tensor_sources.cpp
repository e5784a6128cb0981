#include "scenarios/checkpoint/tensor_sources.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

// A region stored row by row from element `first` of a part on.
struct StoredRegion {
  const Region& region;
  std::int64_t first;

  // Where the element of the full tensor lies that is `index[d]` in each dimension.
  std::int64_t element(const Shape& index) const {
    std::int64_t linear = 0;
    for (std::size_t d = 0; d < index.size(); ++d)
      linear = linear * region.extent[d] + index[d] - region.offset[d];
    return first + linear;
  }
};

void append(std::vector<Copy>& copies, const Copy& next) {
  if (!copies.empty()) {
    Copy& last = copies.back();
    if (last.holder == next.holder && last.from + last.count == next.from &&
        last.to + last.count == next.to) {
      last.count += next.count;
      return;
    }
  }
  copies.push_back(next);
}

// Appends the elements of a box that lies in both regions, row by row. Rows are as long as they can
// be: all trailing dimensions that the box shares whole with both regions, and one more.
void append_box(std::vector<Copy>& copies, int holder, const Region& box, const StoredRegion& from,
                const StoredRegion& to) {
  std::int64_t row = 1;
  std::size_t outer = box.extent.size();
  while (outer > 0) {
    --outer;
    row *= box.extent[outer];
    if (box.extent[outer] != from.region.extent[outer] ||
        box.extent[outer] != to.region.extent[outer])
      break;
  }
  Shape index = box.offset;
  while (true) {
    append(copies, {holder, from.element(index), to.element(index), row});
    std::size_t d = outer;
    while (d > 0 && ++index[d - 1] == box.offset[d - 1] + box.extent[d - 1]) {
      --d;
      index[d] = box.offset[d];
    }
    if (d == 0) return;
  }
}

}  // namespace

TensorSources::TensorSources(Shape shape) : shape_(std::move(shape)) {
  if (element_count(shape_) > 0) missing_.push_back(whole(shape_));
}

void TensorSources::add(int holder, std::span<const Region> regions) {
  std::int64_t first = 0;
  for (const Region& region : regions) {
    SHARDPROOF_EXPECTS(lies_in(region, shape_), to_string(region), to_string(shape_));
    Source source{holder, region, first, {}};
    first += element_count(region);
    std::vector<Region> still_missing;
    for (Region& gap : missing_) {
      if (!overlap(gap, region)) {
        still_missing.push_back(std::move(gap));
        continue;
      }
      source.taken.push_back(*common(gap, region));
      for (Region& rest : minus(gap, region)) still_missing.push_back(std::move(rest));
    }
    missing_ = std::move(still_missing);
    sources_.push_back(std::move(source));
  }
}

std::vector<TensorSources::Repeat> TensorSources::repeats() const {
  std::vector<Repeat> repeats;
  for (std::size_t later = 0; later < sources_.size(); ++later) {
    const Source& again = sources_[later];
    if (element_count(again.taken) == element_count(again.stored)) continue;
    for (std::size_t earlier = 0; earlier < later; ++earlier)
      for (const Region& box : sources_[earlier].taken) {
        const std::optional<Region> both = common(box, again.stored);
        if (!both) continue;
        std::vector<Copy> copies;
        const Source& source = sources_[earlier];
        append_box(copies, source.holder, *both, {source.stored, source.first},
                   {again.stored, again.first});
        for (const Copy& copy : copies) repeats.push_back({copy, again.holder});
      }
  }
  return repeats;
}

std::vector<Copy> TensorSources::copies_to(std::span<const Region> wanted) const {
  std::vector<Copy> copies;
  std::int64_t copied = 0;
  for (const Source& source : sources_)
    for (const Region& box : source.taken) {
      std::int64_t first = 0;
      for (const Region& region : wanted) {
        if (const std::optional<Region> both = common(box, region)) {
          append_box(copies, source.holder, *both, {source.stored, source.first}, {region, first});
          copied += element_count(*both);
        }
        first += element_count(region);
      }
    }
  SHARDPROOF_EXPECTS(copied == element_count(wanted), copied, element_count(wanted));
  return copies;
}

void copy_regions(const TensorSources& sources, const HolderBytes& bytes_of,
                  std::span<const Region> wanted, std::size_t element_bytes,
                  std::span<std::byte> out) {
  SHARDPROOF_EXPECTS(out.size() == static_cast<std::size_t>(element_count(wanted)) * element_bytes,
                     out.size());
  std::optional<int> holder;
  std::span<const std::byte> bytes;
  for (const Copy& copy : sources.copies_to(wanted)) {
    if (holder != copy.holder) bytes = bytes_of(*(holder = copy.holder));
    const std::size_t size = static_cast<std::size_t>(copy.count) * element_bytes;
    const auto from = bytes.subspan(static_cast<std::size_t>(copy.from) * element_bytes, size);
    std::memcpy(out.data() + static_cast<std::size_t>(copy.to) * element_bytes, from.data(), size);
  }
}

}  // namespace shardproof
