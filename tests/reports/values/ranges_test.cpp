// A tensor shown some at a time is shown whole: every element once, in order, however long it is.
#include "reports/values/ranges.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numeric>

#include "scenarios/errors.hpp"

using namespace shardproof;
using namespace shardproof::reports;

namespace {

constexpr std::int64_t mebibyte = 1 << 20;

std::vector<double> counting(std::int64_t count, double first = 1) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

Bytes encoded(Dtype dtype, const std::vector<double>& values) {
  Bytes bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return bytes;
}

// Of three columns, so that no range ends with a row.
SharedTensor tensor_of(Dtype dtype, const std::vector<double>& values) {
  return tensor_in(dtype, {std::ssize(values) / 3, 3}, in_memory(encoded(dtype, values)));
}

BOOST_AUTO_TEST_SUITE(ranges)

BOOST_AUTO_TEST_CASE(bytes_are_shown_once_in_order_a_mebibyte_at_a_time) {
  // Of two dtypes with as many bytes; the second is made when it is read.
  for (const auto& [one, other] : {std::pair{Dtype::fp32, Dtype::fp64}, {Dtype::fp64, Dtype::bf16}})
    for (const std::int64_t rows : {0L, 8L, mebibyte / 4, mebibyte / 2}) {
      const auto count = 24 * rows / static_cast<std::int64_t>(size_bytes(one));
      const auto other_count = 24 * rows / static_cast<std::int64_t>(size_bytes(other));
      const std::vector<double> values = counting(count), others = counting(other_count);
      const SharedTensor a = tensor_of(one, values);
      const SharedTensor b = rounded_to(other, tensor_of(Dtype::fp64, others));
      Bytes alone, of_a, of_b;
      for_each_range(*a, [&](std::size_t begin, ByteSpan bytes) {
        BOOST_TEST(begin == alone.size());
        BOOST_TEST(std::ssize(bytes) <= mebibyte);
        alone.insert(alone.end(), bytes.begin(), bytes.end());
      });
      for_each_range(*a, *b, [&](std::size_t begin, ByteSpan x, ByteSpan y) {
        BOOST_TEST(begin == of_a.size());
        of_a.insert(of_a.end(), x.begin(), x.end());
        of_b.insert(of_b.end(), y.begin(), y.end());
      });

      BOOST_TEST((alone == encoded(one, values)), rows);
      BOOST_TEST((of_a == alone), rows);
      BOOST_TEST((of_b == encoded(other, others)), rows);
    }
}

BOOST_AUTO_TEST_CASE(numbers_are_shown_once_in_order_of_two_dtypes_side_by_side) {
  for (const std::int64_t rows : {0L, 1L, 70'000L}) {
    const std::vector<double> values = counting(3 * rows), others = counting(3 * rows, 5);
    const SharedTensor a = tensor_of(Dtype::fp32, values), b = tensor_of(Dtype::fp64, others);
    std::vector<double> one, of_a, of_b;
    for_each_decoded(*a, [&](Numbers some) { one.insert(one.end(), some.begin(), some.end()); });
    for_each_decoded(*a, *b, [&](Numbers x, Numbers y) {
      BOOST_TEST(x.size() == y.size());
      of_a.insert(of_a.end(), x.begin(), x.end());
      of_b.insert(of_b.end(), y.begin(), y.end());
    });

    BOOST_TEST((one == values), rows);
    BOOST_TEST((of_a == values), rows);
    BOOST_TEST((of_b == others), rows);
  }
}

BOOST_AUTO_TEST_CASE(a_range_is_that_of_the_whole) {
  const SharedTensor tensor = tensor_of(Dtype::bf16, counting(12));

  BOOST_TEST((range_of(*tensor, 4, 3) == encoded(Dtype::bf16, {5, 6, 7})));
  BOOST_TEST((decoded_range(*tensor, 4, 3) == std::vector{5.0, 6.0, 7.0}));
  BOOST_TEST(range_of(*tensor, 12, 0).empty());
}

BOOST_AUTO_TEST_CASE(elements_at_places_come_in_their_order_wherever_they_lie) {
  const SharedTensor tensor = tensor_of(Dtype::fp32, counting(69999));
  const std::vector<std::int64_t> places{3, 4, 65538, 65539, 69998, 0, 0};

  BOOST_TEST(
      (decoded_at(*tensor, places) == std::vector{4.0, 5.0, 65539.0, 65540.0, 69999.0, 1.0, 1.0}));
  BOOST_TEST(decoded_at(*tensor, {}).empty());
}

BOOST_AUTO_TEST_CASE(an_integer_that_fp64_does_not_hold_is_no_number) {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  const std::vector<std::int64_t> recorded{-100, most, -most, most + 1, -most - 1};
  const auto bytes = std::as_bytes(std::span(recorded));
  const SharedTensor tensor = tensor_in(Dtype::int64, {5}, borrowed(bytes));

  const std::vector<double> values = decoded_range(*tensor, 0, 5);

  BOOST_TEST(values[0] == -100);
  BOOST_TEST(values[1] == 0x1p53);
  BOOST_TEST(values[2] == -0x1p53);
  BOOST_TEST(std::isnan(values[3]));
  BOOST_TEST(std::isnan(values[4]));
}

BOOST_AUTO_TEST_CASE(tensors_of_other_sizes_are_not_shown_side_by_side) {
  const SharedTensor three = tensor_of(Dtype::fp32, counting(3));
  const SharedTensor six = tensor_of(Dtype::bf16, counting(6));  // of as many bytes

  BOOST_CHECK_THROW(for_each_decoded(*three, *six, [](Numbers, Numbers) {}), InvariantError);
  BOOST_CHECK_THROW(
      for_each_range(*three, *tensor_of(Dtype::fp32, {}), [](std::size_t, ByteSpan, ByteSpan) {}),
      InvariantError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
