#include "reports/values/ranges.hpp"

#include <algorithm>

#include "reports/values/recorded_numbers.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t bytes_at_once = 1 << 20;  // whole elements, of every dtype
constexpr std::int64_t elements_at_once = 1 << 16;

// Of the elements from `first` on, so many as there is room for.
void read(const TensorView& tensor, std::int64_t first, Bytes& bytes, std::vector<double>& values) {
  bytes.resize(values.size() * size_bytes(tensor.dtype()));
  tensor.read_range(first, bytes);
  decode_recorded(tensor.dtype(), bytes, values);
}

// The same of bytes.
void read(const TensorView& tensor, std::size_t begin, Bytes& bytes) {
  tensor.read_range(static_cast<std::int64_t>(begin / size_bytes(tensor.dtype())), bytes);
}

}  // namespace

void for_each_range(const TensorView& tensor,
                    const std::function<void(std::size_t, ByteSpan)>& visit) {
  Bytes bytes;
  for (std::size_t begin = 0; begin < tensor.bytes(); begin += bytes_at_once) {
    bytes.resize(std::min(bytes_at_once, tensor.bytes() - begin));
    read(tensor, begin, bytes);
    visit(begin, bytes);
  }
}

void for_each_range(const TensorView& a, const TensorView& b,
                    const std::function<void(std::size_t, ByteSpan, ByteSpan)>& visit) {
  SHARDPROOF_EXPECTS(a.bytes() == b.bytes(), a.bytes(), b.bytes());
  Bytes of_b;
  for_each_range(a, [&](std::size_t begin, ByteSpan of_a) {
    of_b.resize(of_a.size());
    read(b, begin, of_b);
    visit(begin, of_a, of_b);
  });
}

void for_each_decoded(const TensorView& tensor, const std::function<void(Numbers)>& visit) {
  Bytes bytes;
  std::vector<double> values;
  for (std::int64_t first = 0; first < tensor.elements(); first += elements_at_once) {
    values.resize(static_cast<std::size_t>(std::min(elements_at_once, tensor.elements() - first)));
    read(tensor, first, bytes, values);
    visit(values);
  }
}

void for_each_decoded(const TensorView& a, const TensorView& b,
                      const std::function<void(Numbers, Numbers)>& visit) {
  SHARDPROOF_EXPECTS(a.elements() == b.elements(), a.elements(), b.elements());
  Bytes bytes;
  std::vector<double> of_b;
  std::int64_t first = 0;
  for_each_decoded(a, [&](Numbers of_a) {
    of_b.resize(of_a.size());
    read(b, first, bytes, of_b);
    visit(of_a, of_b);
    first += std::ssize(of_a);
  });
}

Bytes range_of(const TensorView& tensor, std::int64_t first, std::int64_t count) {
  Bytes bytes(static_cast<std::size_t>(count) * size_bytes(tensor.dtype()));
  tensor.read_range(first, bytes);
  return bytes;
}

std::vector<double> decoded_range(const TensorView& tensor, std::int64_t first,
                                  std::int64_t count) {
  Bytes bytes;
  std::vector<double> values(static_cast<std::size_t>(count));
  read(tensor, first, bytes, values);
  return values;
}

std::vector<double> decoded_at(const TensorView& tensor, std::span<const std::int64_t> places) {
  std::vector<double> values;
  values.reserve(places.size());
  for (std::size_t i = 0; i < places.size();) {
    const std::int64_t first = places[i];
    std::size_t end = i + 1;
    while (end < places.size() && places[end - 1] < places[end] &&
           places[end] - first < elements_at_once)
      ++end;
    const auto near = decoded_range(tensor, first, places[end - 1] - first + 1);
    for (; i < end; ++i) values.push_back(near[static_cast<std::size_t>(places[i] - first)]);
  }
  return values;
}

}  // namespace shardproof::reports
