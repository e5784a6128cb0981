#include "reports/units/derived.hpp"

#include <algorithm>
#include <cstring>

#include "reports/units/hop_replay.hpp"
#include "reports/units/slice_sums.hpp"
#include "reports/values/ranges.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t bytes_at_once = 1 << 20;

template <class T, std::size_t n>
Bytes bytes_of_values(const T (&values)[n]) {
  Bytes bytes(sizeof values);
  std::memcpy(bytes.data(), values, sizeof values);
  return bytes;
}

// make(first, count) gives the bytes of so many elements; a large tensor is made in parts.
template <class Make>
SharedTensor made(Dtype dtype, Shape shape, Make make) {
  const std::size_t size = size_bytes(dtype);
  const auto bytes = static_cast<std::size_t>(element_count(shape)) * size;
  const auto fill = [make, size](std::size_t begin, std::span<std::byte> out) {
    const std::size_t step = bytes_at_once;
    for (std::size_t done = 0; done < out.size(); done += step) {
      const std::size_t some = std::min(step, out.size() - done);
      const Bytes part = make(static_cast<std::int64_t>((begin + done) / size),
                              static_cast<std::int64_t>(some / size));
      SHARDPROOF_EXPECTS(part.size() == some, part.size(), some);
      std::ranges::copy(part, out.begin() + static_cast<std::ptrdiff_t>(done));
    }
  };
  return tensor_in(dtype, std::move(shape), computed(bytes, fill));
}

std::vector<Bytes> ranges_of(std::span<const SharedTensor> members, std::int64_t first,
                             std::int64_t count) {
  std::vector<Bytes> ranges;
  for (const SharedTensor& member : members) ranges.push_back(range_of(*member, first, count));
  return ranges;
}

// The part of an argument that some elements of a result need: those at their places, or all.
struct Needed {
  Shape shape;
  std::vector<double> values;

  Needed(const TensorView& argument, bool in_place, std::int64_t first, std::int64_t count)
      : shape(in_place ? Shape{count} : argument.shape()),
        values(decoded_range(argument, in_place ? first : 0, element_count(shape))) {}
};

}  // namespace

SharedTensor derived_result(const PlanUnit& unit, const std::vector<SharedTensor>& arguments,
                            Dtype dtype, Shape shape,
                            const std::shared_ptr<std::atomic<bool>>& follows) {
  const std::int64_t elements = element_count(shape);
  const bool by_element = reference::is_element_by_element(unit.kind) && elements > 1;
  const auto evaluate = [=](std::int64_t first, std::int64_t count) {
    std::vector<Needed> needed;
    for (const SharedTensor& argument : arguments)
      needed.emplace_back(*argument, by_element && argument->elements() == elements, first, count);
    std::vector<reference::Operand> operands;
    for (const Needed& one : needed) operands.push_back({one.shape, one.values});
    const reference::UnitResult result =
        reference::replay(unit.kind, unit.attributes, unit.precision, operands);
    if (!result.sound || !result.bound.empty() || !result.error.empty()) *follows = false;
    Bytes bytes(result.value.size() * size_bytes(dtype));
    encode(dtype, result.value, bytes);
    return bytes;
  };
  if (by_element) return made(dtype, std::move(shape), evaluate);
  const auto whole = [=](std::size_t, std::span<std::byte> out) {
    const Bytes bytes = evaluate(0, elements);
    SHARDPROOF_EXPECTS(bytes.size() == out.size(), bytes.size(), out.size());
    std::ranges::copy(bytes, out.begin());
  };
  const auto bytes = static_cast<std::size_t>(elements) * size_bytes(dtype);
  return tensor_in(dtype, std::move(shape), computed(bytes, whole, Keep::always));
}

SharedTensor derived_sum(ReductionOrder order, Dtype dtype, Dtype wire,
                         const std::vector<SharedTensor>& members,
                         const std::vector<Stretch>& in_rank_order) {
  const Shape shape{members.at(0)->elements()};
  return made(dtype, shape, [=](std::int64_t first, std::int64_t count) {
    return replay_sum(order, dtype, wire, ranges_of(members, first, count), in_rank_order,
                      {first, members[0]->elements()});
  });
}

SharedTensor derived_max(Dtype dtype, const std::vector<SharedTensor>& members) {
  const Shape shape{members.at(0)->elements()};
  return made(dtype, shape, [=](std::int64_t first, std::int64_t count) {
    return replay_max(dtype, ranges_of(members, first, count));
  });
}

SharedTensor sent_terms(Dtype wire, std::span<const SharedTensor> members) {
  std::vector<SharedTensor> rows;
  for (const SharedTensor& member : members) {
    if (members.size() == 1 || member->dtype() == wire) {
      rows.push_back(member);
      continue;
    }
    rows.push_back(rounded_to(wire, reshaped(member, {member->elements()})));
  }
  auto all =
      std::make_shared<TensorView>(rows[0]->dtype(), Shape{std::ssize(rows), rows[0]->elements()});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Run run{static_cast<std::int64_t>(i) * rows[i]->elements(), rows[i]->elements()};
    all->add(std::span(&run, 1), bytes_of(rows[i]));
  }
  return all;
}

SharedTensor derived_slices(const Program& program, const Op& op, Rank rank, Dtype dtype,
                            const SharedTensor& slices, const SharedTensor& bucket) {
  const std::vector<Kept> kept = kept_of(program, op, rank);
  const Dtype stored = slices->dtype();
  const Shape shape = slices->shape();
  return made(stored, shape, [=](std::int64_t first, std::int64_t count) {
    Bytes bytes(static_cast<std::size_t>(count) * size_bytes(stored));
    slices_after(kept, dtype, *slices, *bucket, first, bytes);
    return bytes;
  });
}

namespace {

std::uint64_t mixed(std::uint64_t word) {
  word ^= word >> 30;
  word *= 0xbf58476d1ce4e5b9;
  word ^= word >> 27;
  word *= 0x94d049bb133111eb;
  word ^= word >> 31;
  return word;
}

// Of all bytes, in ranges of whole words; the last word may lack some.
Bytes checksum_of(const TensorView& tensor) {
  std::uint64_t hash = mixed(tensor.bytes() + 1), words = 0;
  for_each_range(tensor, [&](std::size_t, ByteSpan bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
      hash += mixed(word ^ mixed(++words));
    }
  });
  return bytes_of_values({static_cast<double>(hash >> 32), static_cast<double>(hash & 0xffffffff)});
}

bool differ(const TensorView& a, const TensorView& b) {
  if (a.bytes() != b.bytes() || a.dtype() != b.dtype()) return true;
  bool equal = true;
  for_each_range(a, b, [&](std::size_t, ByteSpan x, ByteSpan y) {
    equal = equal && std::ranges::equal(x, y);
  });
  return !equal;
}

// Of few bytes, whole.
template <class Make>
SharedTensor small(Dtype dtype, Shape shape, Make make) {
  const auto bytes = static_cast<std::size_t>(element_count(shape)) * size_bytes(dtype);
  return tensor_in(dtype, std::move(shape),
                   computed(bytes, [make](std::size_t, std::span<std::byte> out) {
                     std::ranges::copy(make(), out.begin());
                   }));
}

}  // namespace

SharedTensor derived_checksum(const SharedTensor& of) {
  return small(Dtype::fp64, {2}, [of] { return checksum_of(*of); });
}

SharedTensor derived_difference(const SharedTensor& a, const SharedTensor& b) {
  return small(Dtype::fp32, {}, [a, b] { return bytes_of_values({differ(*a, *b) ? 1.0F : 0.0F}); });
}

}  // namespace shardproof::reports
