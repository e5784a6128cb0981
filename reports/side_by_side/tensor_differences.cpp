#include "reports/side_by_side/tensor_differences.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "reports/values/recorded_numbers.hpp"
#include "scenarios/vectorised.hpp"

namespace shardproof::reports {

namespace {

Dtype dtype_of(const TensorParts& parts) {
  return parts.boxes.empty() ? Dtype::fp64 : parts.boxes.front().stored->info.dtype;
}

constexpr std::int64_t infinity = 0x7ff0000000000000;

// As numbers grow, so do the bits of their magnitudes, which are compared faster; those of an
// infinity, and of a NaN, are the largest.
std::int64_t magnitude_bits(double value) {
  return std::bit_cast<std::int64_t>(value) & std::numeric_limits<std::int64_t>::max();
}

SHARDPROOF_VECTORISED double largest_finite(const double* values, std::size_t count) {
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t bits = magnitude_bits(values[i]);
    largest = std::max(largest, bits < infinity ? bits : 0);
  }
  return std::bit_cast<double>(largest);
}

// Elements of two tensors, as they are stored and decoded.
struct Elements {
  const std::byte *a, *b;
  const double *x, *y;
  std::size_t count;
};
struct Unlike {
  std::int64_t count = 0;
  std::int64_t furthest = 0;  // magnitude_bits of the largest difference
};

// `unlike(i)`: -1 of elements that are, else 0.
Unlike count_unlike(const Elements& elements, auto unlike) {
  Unlike all;
  for (std::size_t i = 0; i < elements.count; ++i) {
    const std::int64_t is_unlike = unlike(i);
    all.count -= is_unlike;
    all.furthest =
        std::max(all.furthest, is_unlike & magnitude_bits(elements.x[i] - elements.y[i]));
  }
  return all;
}

template <class Bits>
Unlike count_unlike_bits(const Elements& elements) {
  return count_unlike(elements, [&](std::size_t i) {
    Bits p, q;
    std::memcpy(&p, elements.a + i * sizeof(Bits), sizeof(Bits));
    std::memcpy(&q, elements.b + i * sizeof(Bits), sizeof(Bits));
    return -std::int64_t{p != q};
  });
}
SHARDPROOF_VECTORISED Unlike unlike_of_2_bytes(const Elements& elements) {
  return count_unlike_bits<std::uint16_t>(elements);
}
SHARDPROOF_VECTORISED Unlike unlike_of_4_bytes(const Elements& elements) {
  return count_unlike_bits<std::uint32_t>(elements);
}
SHARDPROOF_VECTORISED Unlike unlike_of_8_bytes(const Elements& elements) {
  return count_unlike_bits<std::uint64_t>(elements);
}
SHARDPROOF_VECTORISED Unlike unlike_values(const Elements& elements) {
  return count_unlike(elements, [&](std::size_t i) {
    const double x = elements.x[i], y = elements.y[i];
    return -std::int64_t{(x != y) & ((x == x) | (y == y))};
  });
}

class Counting {
 public:
  Counting(const TensorParts& a, const TensorParts& b)
      : dtype_a_(dtype_of(a)), dtype_b_(dtype_of(b)) {
    if (!a.boxes.empty()) shape_ = a.boxes.front().stored->info.full_shape;
  }

  void add(const Alike& alike) {
    decode(dtype_a_, alike.a, a_);
    result_.largest = std::max(result_.largest, largest_finite(a_.data(), a_.size()));
    const bool same_dtype = dtype_a_ == dtype_b_;
    if (same_dtype && std::memcmp(alike.a.data(), alike.b.data(), alike.a.size()) == 0) return;
    decode(dtype_b_, alike.b, b_);
    const Unlike unlike =
        unlike_of({alike.a.data(), alike.b.data(), a_.data(), b_.data(), a_.size()});
    if (unlike.count == 0) return;
    Comparison& elements = result_.elements;
    elements.failed += unlike.count;
    const bool finite = unlike.furthest < infinity;
    elements.max_absolute =
        std::max(elements.max_absolute, std::bit_cast<double>(finite ? unlike.furthest : infinity));
    note_first(alike);
  }

  const Differences& result() const { return result_; }

 private:
  static void decode(Dtype dtype, std::span<const std::byte> bytes, std::vector<double>& values) {
    values.resize(bytes.size() / size_bytes(dtype));
    decode_recorded(dtype, bytes, values);
  }

  Unlike unlike_of(const Elements& elements) const {
    if (dtype_a_ != dtype_b_) return unlike_values(elements);
    switch (size_bytes(dtype_a_)) {
      case 2: return unlike_of_2_bytes(elements);
      case 4: return unlike_of_4_bytes(elements);
      default: return unlike_of_8_bytes(elements);
    }
  }

  bool is_unlike(const Alike& alike, std::size_t i) const {
    if (dtype_a_ != dtype_b_) return unlike_values({nullptr, nullptr, &a_[i], &b_[i], 1}).count > 0;
    const std::size_t size = size_bytes(dtype_a_);
    return std::memcmp(&alike.a[i * size], &alike.b[i * size], size) != 0;
  }

  std::int64_t place_of(const Alike& alike, std::size_t i) const {
    const auto element = alike.first + static_cast<std::int64_t>(i);
    return ravel(index_in_full({&alike.box, 1}, element), shape_);
  }

  // Places grow along a run, and not from run to run.
  void note_first(const Alike& alike) {
    Comparison& elements = result_.elements;
    const auto is_later = [&](std::size_t i) {
      return elements.first_failed >= 0 && elements.first_failed < place_of(alike, i);
    };
    if (is_later(0)) return;
    std::size_t i = 0;
    while (!is_unlike(alike, i)) ++i;
    if (is_later(i)) return;
    elements.first_failed = place_of(alike, i);
    elements.expected = a_[i];
    elements.got = b_[i];
  }

  Dtype dtype_a_, dtype_b_;
  Shape shape_;
  Differences result_;
  std::vector<double> a_, b_;
};

}  // namespace

Differences differences_of(const TensorParts& a, const TensorParts& b) {
  Counting counting(a, b);
  for_each_alike(a, b, [&](const Alike& alike) {
    counting.add(alike);
    return true;
  });
  return counting.result();
}

}  // namespace shardproof::reports
