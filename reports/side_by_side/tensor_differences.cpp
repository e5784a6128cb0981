#include "reports/side_by_side/tensor_differences.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace shardproof::reports {

namespace {

Dtype dtype_of(const TensorParts& parts) {
  return parts.boxes.empty() ? Dtype::fp64 : parts.boxes.front().stored->info.dtype;
}

// Which elements are unlike, 1 or 0 of each.
using Unlike = std::vector<std::uint8_t>;

template <class Bits>
void mark_unlike_bits(std::span<const std::byte> a, std::span<const std::byte> b, Unlike& unlike) {
  for (std::size_t i = 0; i < unlike.size(); ++i) {
    Bits x, y;
    std::memcpy(&x, a.data() + i * sizeof(Bits), sizeof(Bits));
    std::memcpy(&y, b.data() + i * sizeof(Bits), sizeof(Bits));
    unlike[i] = x != y;
  }
}

void mark_unlike_bits(std::size_t size, std::span<const std::byte> a, std::span<const std::byte> b,
                      Unlike& unlike) {
  if (size == 2) return mark_unlike_bits<std::uint16_t>(a, b, unlike);
  if (size == 4) return mark_unlike_bits<std::uint32_t>(a, b, unlike);
  mark_unlike_bits<std::uint64_t>(a, b, unlike);
}

void mark_unlike_values(std::span<const double> a, std::span<const double> b, Unlike& unlike) {
  for (std::size_t i = 0; i < unlike.size(); ++i)
    unlike[i] = a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]));
}

bool is_finite(double magnitude) { return magnitude <= std::numeric_limits<double>::max(); }

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    const double magnitude = std::fabs(value);
    largest = is_finite(magnitude) && magnitude > largest ? magnitude : largest;
  }
  return largest;
}

// Of elements that are unlike; infinite beside a NaN or an infinity.
double furthest_apart(std::span<const double> a, std::span<const double> b, const Unlike& unlike) {
  double furthest = 0;
  bool finite = true;
  for (std::size_t i = 0; i < unlike.size(); ++i) {
    const double apart = unlike[i] != 0 ? std::fabs(a[i] - b[i]) : 0;
    finite = finite && is_finite(apart);
    furthest = apart > furthest ? apart : furthest;
  }
  return finite ? furthest : std::numeric_limits<double>::infinity();
}

class Counting {
 public:
  Counting(const TensorParts& a, const TensorParts& b)
      : dtype_a_(dtype_of(a)), dtype_b_(dtype_of(b)) {
    if (!a.boxes.empty()) shape_ = a.boxes.front().stored->info.full_shape;
  }

  void add(const Alike& alike) {
    decode(dtype_a_, alike.a, a_);
    result_.largest = std::max(result_.largest, largest_of(a_));
    const bool same_dtype = dtype_a_ == dtype_b_;
    if (same_dtype && std::memcmp(alike.a.data(), alike.b.data(), alike.a.size()) == 0) return;
    decode(dtype_b_, alike.b, b_);
    unlike_.resize(a_.size());
    if (same_dtype)
      mark_unlike_bits(size_bytes(dtype_a_), alike.a, alike.b, unlike_);
    else
      mark_unlike_values(a_, b_, unlike_);
    const auto count = std::count(unlike_.begin(), unlike_.end(), 1);
    if (count == 0) return;
    Comparison& elements = result_.elements;
    elements.failed += count;
    elements.max_absolute = std::max(elements.max_absolute, furthest_apart(a_, b_, unlike_));
    note_first(alike);
  }

  const Differences& result() const { return result_; }

 private:
  static void decode(Dtype dtype, std::span<const std::byte> bytes, std::vector<double>& values) {
    values.resize(bytes.size() / size_bytes(dtype));
    shardproof::decode(dtype, bytes, values);
  }

  // Places grow along a run, and not from run to run.
  void note_first(const Alike& alike) {
    const auto i = std::find(unlike_.begin(), unlike_.end(), 1) - unlike_.begin();
    const std::int64_t place = ravel(index_in_full({&alike.box, 1}, alike.first + i), shape_);
    Comparison& elements = result_.elements;
    if (elements.first_failed >= 0 && elements.first_failed < place) return;
    elements.first_failed = place;
    elements.expected = a_[static_cast<std::size_t>(i)];
    elements.got = b_[static_cast<std::size_t>(i)];
  }

  Dtype dtype_a_, dtype_b_;
  Shape shape_;
  Differences result_;
  std::vector<double> a_, b_;
  Unlike unlike_;
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
