#include "reports/witness/whole_tensor.hpp"

#include <algorithm>
#include <cstring>

#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

// Calls visit(first element in the tensor, count) for every row of a box, in order.
template <typename Visit>
void for_each_row(const Region& box, const Shape& shape, Visit visit) {
  const std::size_t dims = shape.size();
  if (dims == 0) return visit(std::int64_t{0}, std::int64_t{1});
  if (std::ranges::count(box.extent, 0) > 0) return;
  Shape at = box.offset;
  while (true) {
    std::int64_t element = 0;
    for (std::size_t d = 0; d < dims; ++d) element = element * shape[d] + at[d];
    visit(element, box.extent[dims - 1]);
    std::size_t d = dims - 1;
    while (d > 0 && ++at[d - 1] == box.offset[d - 1] + box.extent[d - 1]) {
      at[d - 1] = box.offset[d - 1];
      --d;
    }
    if (d == 0) return;
  }
}

void expect_inside(const Region& box, const Shape& shape) {
  SHARDPROOF_EXPECTS(box.offset.size() == shape.size() && box.extent.size() == shape.size(),
                     to_string(box), to_string(shape));
  for (std::size_t d = 0; d < shape.size(); ++d)
    SHARDPROOF_EXPECTS(box.offset[d] >= 0 && box.offset[d] + box.extent[d] <= shape[d],
                       to_string(box), to_string(shape));
}

}  // namespace

std::vector<std::byte> cut(const WholeTensor& whole, std::span<const Region> regions) {
  const auto size = static_cast<std::int64_t>(size_bytes(whole.dtype));
  std::vector<std::byte> part;
  for (const Region& box : regions) {
    expect_inside(box, whole.shape);
    for_each_row(box, whole.shape, [&](std::int64_t first, std::int64_t count) {
      const auto begin = whole.bytes.begin() + first * size;
      part.insert(part.end(), begin, begin + count * size);
    });
  }
  return part;
}

bool put_in_place(std::span<const std::byte> part, std::span<const Region> regions,
                  WholeTensor& whole, std::vector<bool>& held) {
  const std::size_t size = size_bytes(whole.dtype);
  std::size_t next = 0;
  bool agrees = true;
  for (const Region& box : regions) {
    expect_inside(box, whole.shape);
    for_each_row(box, whole.shape, [&](std::int64_t first, std::int64_t count) {
      for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(first + count);
           ++i, next += size) {
        SHARDPROOF_EXPECTS(next + size <= part.size(), next, part.size());
        std::byte* element = whole.bytes.data() + i * size;
        if (held[i] && std::memcmp(element, part.data() + next, size) != 0) agrees = false;
        if (!held[i]) std::memcpy(element, part.data() + next, size);
        held[i] = true;
      }
    });
  }
  SHARDPROOF_EXPECTS(next == part.size(), next, part.size());
  return agrees;
}

WholeTensor recast(WholeTensor from, Dtype to) {
  if (from.dtype == to) return from;
  constexpr std::size_t at_once = 1 << 16;
  const std::size_t count = from.bytes.size() / size_bytes(from.dtype);
  WholeTensor out{to, from.shape, std::vector<std::byte>(count * size_bytes(to))};
  std::vector<double> values(std::min(count, at_once));
  for (std::size_t begin = 0; begin < count; begin += at_once) {
    const std::span<double> some(values.data(), std::min(at_once, count - begin));
    decode(from.dtype,
           std::span(from.bytes)
               .subspan(begin * size_bytes(from.dtype), some.size() * size_bytes(from.dtype)),
           some);
    encode(to, some,
           std::span(out.bytes).subspan(begin * size_bytes(to), some.size() * size_bytes(to)));
  }
  return out;
}

}  // namespace shardproof::reports
