#include "reports/compare/common_factor.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

#include "reports/compare/element_compare.hpp"

using namespace shardproof;
using namespace shardproof::reports;

namespace {

const std::vector<double> expected{0.5, -0.001953125, 3.140625, 0, 96};

std::vector<double> scaled(double factor, Dtype storage) {
  std::vector<double> got;
  for (const double value : expected) got.push_back(round_to(storage, factor * value));
  return got;
}

std::optional<double> found(Dtype storage, const std::vector<double>& got) {
  return common_factor(storage, expected, {}, got, 4);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(common_factor_of_all_elements)

BOOST_AUTO_TEST_CASE(whole_numbers_and_one_over_them_are_found_in_every_dtype) {
  for (const Dtype storage : {Dtype::fp64, Dtype::fp32, Dtype::bf16})
    for (const double factor : {0.5, 2.0, 1.0 / 3, 6.0, -1.0, 0.0, 1.0 / 48, 65536.0})
      BOOST_TEST(found(storage, scaled(factor, storage)).value_or(1) == factor,
                 name_of(storage) << " " << factor);
}

BOOST_AUTO_TEST_CASE(one_element_that_has_not_the_factor_leaves_no_cause) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    std::vector<double> got = scaled(0.5, Dtype::bf16);
    got[i] += 0x1p-4 * (0x1p-5 + got[i]);
    BOOST_TEST(!found(Dtype::bf16, got).has_value(), i);
  }
  BOOST_TEST(!found(Dtype::bf16, scaled(1.7, Dtype::bf16)).has_value());
  BOOST_TEST(!found(Dtype::bf16, scaled(1, Dtype::bf16)).has_value());
}

// Zero tells no quotient, and of a subnormal number rounding has left little.
BOOST_AUTO_TEST_CASE(the_largest_element_tells_the_factor) {
  constexpr double eta = 0x1p-133;  // of bf16
  const std::vector<double> right{0, eta, 3, 100, eta}, thrice{0, 4 * eta, 9, 300, 4 * eta};
  BOOST_TEST(common_factor(Dtype::bf16, right, {}, thrice, 4).value_or(0) == 3);
}

// A bf16 has 8 bits: two wrong ones may be twice what they should be by chance.
BOOST_AUTO_TEST_CASE(a_factor_that_chance_would_give_is_no_cause) {
  const std::vector<double> two{1, 3}, twice{2, 6};
  BOOST_TEST(!common_factor(Dtype::bf16, two, {}, twice, 2).has_value());
  BOOST_TEST(common_factor(Dtype::fp32, two, {}, twice, 2).value_or(0) == 2);
  BOOST_TEST(!common_factor(Dtype::int64, two, {}, twice, 2).has_value());
}

BOOST_AUTO_TEST_CASE(what_rounding_may_have_done_before_is_allowed_times_the_factor) {
  const std::vector<double> room(expected.size(), 0x1p-6);
  std::vector<double> got = scaled(4, Dtype::fp32);
  got[3] = 0x1p-5;  // of zero, within 4 x room
  BOOST_TEST(common_factor(Dtype::fp32, expected, room, got, 4).value_or(0) == 4);
  got[3] = 0x1p-3;
  BOOST_TEST(!common_factor(Dtype::fp32, expected, room, got, 4).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
