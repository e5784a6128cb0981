// Tensors of more than one range are compared as if they were one.
#include "reports/compare/tensor_compare.hpp"

#include <boost/test/unit_test.hpp>

using namespace shardproof;
using namespace shardproof::reports;

namespace {

constexpr std::int64_t count = 1'300'000;  // of bf16: three ranges

Bytes encoded(const std::vector<double>& values) {
  Bytes bytes(values.size() * 2);
  encode(Dtype::bf16, values, bytes);
  return bytes;
}

Comparison compared(const std::vector<double>& expected, const std::vector<double>& got) {
  const auto tensor = [](const std::vector<double>& values) {
    return tensor_in(Dtype::bf16, {std::ssize(values)}, in_memory(encoded(values)));
  };
  return compare_bits(*tensor(expected), *tensor(got), Dtype::bf16);
}

std::vector<double> numbers() {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1 + static_cast<double>(i % 100);
  return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tensors_range_by_range)

BOOST_AUTO_TEST_CASE(elements_are_counted_in_the_tensor_wherever_they_differ) {
  std::vector<double> got = numbers();
  BOOST_TEST(compared(numbers(), got).compared == count);
  BOOST_TEST(compared(numbers(), got).failed == 0);
  got[1'200'007] += 4;
  got[700'003] += 2;

  const Comparison result = compared(numbers(), got);

  BOOST_TEST(result.compared == count);
  BOOST_TEST(result.failed == 2);
  BOOST_TEST(result.first_failed == 700'003);
  BOOST_TEST(result.expected == 4);
  BOOST_TEST(result.got == 6);
  BOOST_TEST(result.max_absolute == 4);
  BOOST_TEST(!result.factor.has_value());
}

BOOST_AUTO_TEST_CASE(a_factor_is_one_of_all_ranges) {
  std::vector<double> got = numbers();
  for (double& value : got) value *= 2;
  BOOST_TEST(compared(numbers(), got).factor.value_or(0) == 2);
  for (const std::size_t right : {0UL, 1'299'999UL}) {
    std::vector<double> but_one = got;
    but_one[right] /= 2;
    BOOST_TEST(!compared(numbers(), but_one).factor.has_value(), right);
  }
}

BOOST_AUTO_TEST_SUITE_END()
