#include "reports/side_by_side/tensor_parts.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "reports/side_by_side/dataset_window.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t bytes_at_once = std::size_t{1} << 20;
constexpr std::size_t bytes_of_boxes = std::size_t{4} << 20;  // of all that are read beside it
constexpr std::int64_t elements_at_once = 4096;               // that are shown

std::vector<StoredBox> boxes_of(const StoredDataset& stored) {
  std::vector<StoredBox> boxes;
  std::int64_t before = 0;
  for (const Region& region : stored.info.regions) {
    const std::int64_t count = element_count(region);
    if (count > 0) boxes.push_back({region, &stored, region, before});
    before += count;
  }
  return boxes;
}

// What no box has yet.
std::vector<StoredBox> beside(const StoredBox& box, const std::vector<StoredBox>& boxes) {
  std::vector<StoredBox> left{box};
  for (const StoredBox& taken : boxes) {
    if (!overlap(box.box, taken.box)) continue;
    std::vector<StoredBox> rest;
    for (const StoredBox& part : left)
      for (Region& region : minus(part.box, taken.box))
        rest.push_back({std::move(region), box.stored, box.region, box.before});
    left = std::move(rest);
  }
  return left;
}

// Whether the boxes are the same ones of stored bytes that are the same.
bool are_cut_alike(const TensorParts& a, const TensorParts& b) {
  return std::ranges::equal(a.boxes, b.boxes, [](const StoredBox& one, const StoredBox& other) {
    return one.box == other.box && one.before == other.before &&
           have_same_bytes(*one.stored, *other.stored);
  });
}

std::int64_t element_count(const TensorParts& parts) {
  std::int64_t count = 0;
  for (const StoredBox& box : parts.boxes) count += shardproof::element_count(box.box);
  return count;
}

std::int64_t common_elements(const TensorParts& a, const TensorParts& b) {
  std::int64_t count = 0;
  for (const StoredBox& one : a.boxes)
    for (const StoredBox& other : b.boxes)
      if (const auto both = common(one.box, other.box)) count += shardproof::element_count(*both);
  return count;
}

// Goes through the elements of a box row-major. Those that follow on each other in two regions are
// one run, which begins at element `first` of the box, and at `in_a` and `in_b` of the regions.
class CommonRuns {
 public:
  CommonRuns(const Region& box, const Region& a, const Region& b)
      : box_(box), index_(box.offset), in_a_(a), in_b_(b) {
    std::size_t d = box.extent.size();
    bool whole = true;
    while (d > 0 && whole) {
      --d;
      length_ *= box.extent[d];
      whole = box.extent[d] == a.extent[d] && box.extent[d] == b.extent[d];
    }
    outer_ = d;
  }

  std::int64_t length() const { return length_; }
  std::int64_t in_a() const { return in_a_.place(index_); }
  std::int64_t in_b() const { return in_b_.place(index_); }
  // False after the last.
  bool next() {
    for (std::size_t d = outer_; d-- > 0;) {
      if (++index_[d] < box_.offset[d] + box_.extent[d]) return true;
      index_[d] = box_.offset[d];
    }
    return false;
  }

 private:
  struct Places {
    explicit Places(const Region& region) : region_(region) {}
    std::int64_t place(const Shape& index) const {
      std::int64_t place = 0;
      for (std::size_t d = 0; d < index.size(); ++d)
        place = place * region_.extent[d] + index[d] - region_.offset[d];
      return place;
    }
    const Region& region_;
  };

  const Region& box_;
  Shape index_;
  Places in_a_, in_b_;
  std::size_t outer_ = 0;  // dimensions before those of a run
  std::int64_t length_ = 1;
};

// A box of A, a stretch of it at a time, beside all boxes of B that have some of it.
class Beside {
 public:
  using Visit = std::function<bool(const Alike&)>;

  Beside(const TensorParts& a, const StoredBox& box, const TensorParts& b)
      : box_(box), elements_(*a.trace, *box.stored, bytes_at_once) {
    for (const StoredBox& other : b.boxes)
      if (overlap(other.box, box.box)) others_.push_back({&other, std::nullopt});
    const std::size_t each = bytes_of_boxes / std::max<std::size_t>(others_.size(), 1);
    for (Other& other : others_)
      other.elements.emplace(*b.trace, *other.box->stored,
                             std::clamp(each, std::size_t{1} << 16, bytes_at_once));
  }

  bool visit(const Visit& visit) {
    const std::int64_t count = shardproof::element_count(box_.box);
    const auto step =
        static_cast<std::int64_t>(bytes_at_once / size_bytes(box_.stored->info.dtype));
    for (std::int64_t begin = 0; begin < count && !others_.empty(); begin += step)
      for (const Region& stretch : flat_range(box_.box, begin, std::min(count, begin + step)))
        if (!visit_stretch(stretch, visit)) return false;
    return true;
  }

 private:
  struct Other {
    const StoredBox* box;
    std::optional<DatasetWindow> elements;
  };

  bool visit_stretch(const Region& stretch, const Visit& visit) {
    // From its first element on, whichever of the others has that one.
    elements_.at(box_.before + CommonRuns(stretch, box_.region, box_.region).in_a(), 1);
    for (Other& other : others_)
      if (const auto both = common(stretch, other.box->box))
        if (!visit_box(*both, other, visit)) return false;
    return true;
  }

  bool visit_box(const Region& both, Other& other, const Visit& visit) {
    CommonRuns runs(both, box_.region, other.box->region);
    std::int64_t first = 0;
    do {
      const std::int64_t in_a = box_.before + runs.in_a(), in_b = other.box->before + runs.in_b();
      for (std::int64_t at = 0; at < runs.length(); at += elements_at_once) {
        const std::int64_t count = std::min(runs.length() - at, elements_at_once);
        if (!visit({both, first + at, elements_.at(in_a + at, count),
                    other.elements->at(in_b + at, count)}))
          return false;
      }
      first += runs.length();
    } while (runs.next());
    return true;
  }

  const StoredBox& box_;
  DatasetWindow elements_;
  std::vector<Other> others_;
};

}  // namespace

void for_each_alike(const TensorParts& a, const TensorParts& b,
                    const std::function<bool(const Alike&)>& visit) {
  for (const StoredBox& box : a.boxes)
    if (!Beside(a, box, b).visit(visit)) return;
}

bool have_same_elements(const TensorParts& a, const TensorParts& b) {
  if (are_cut_alike(a, b)) return true;
  const std::int64_t count = element_count(a);
  return count == element_count(b) && count == common_elements(a, b);
}

bool have_same_bits(const TensorParts& a, const TensorParts& b) {
  if (are_cut_alike(a, b)) return true;
  bool same = true;
  for_each_alike(a, b, [&](const Alike& alike) {
    return same = std::memcmp(alike.a.data(), alike.b.data(), alike.a.size()) == 0;
  });
  return same;
}

TensorParts parts_of(const TraceReader& trace, const std::vector<StoredDataset>& stored) {
  TensorParts parts{.trace = &trace};
  for (auto part = stored.begin(); part != stored.end(); ++part) {
    if (part->info.full_shape != stored.front().info.full_shape ||
        part->info.dtype != stored.front().info.dtype)
      return {.problem = "its ranks disagree on shape or dtype"};
    trace.check(*part);
    const auto is_copy = [&](const StoredDataset& other) { return have_same_bytes(other, *part); };
    if (std::any_of(stored.begin(), part, is_copy)) continue;
    const TensorParts mine{.trace = &trace, .boxes = boxes_of(*part)};
    if (!have_same_bits(mine, parts))
      return {.problem = "its replicas differ, on rank " + std::to_string(part->rank),
              .replicas_differ = true};
    for (const StoredBox& box : mine.boxes)
      std::ranges::move(beside(box, parts.boxes), std::back_inserter(parts.boxes));
  }
  return parts;
}

}  // namespace shardproof::reports
