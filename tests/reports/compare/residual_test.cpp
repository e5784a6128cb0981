// What the last rounding does not explain, by hand and against the acceptance set.
#include "reports/compare/residual.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "reports/compare/rounding_set.hpp"

using namespace shardproof;
using namespace shardproof::reports;

BOOST_AUTO_TEST_SUITE(residuals)

BOOST_AUTO_TEST_CASE(by_hand_in_bf16) {
  constexpr double step = 0x1p-7;

  BOOST_TEST(unexplained(Dtype::bf16, 1.001, 1) == 0);
  BOOST_TEST(unexplained(Dtype::bf16, 1 + step / 4, 1 + step) == step / 4);
  BOOST_TEST(unexplained(Dtype::bf16, 1 + step / 4, 1 + 2 * step) == 5 * step / 4);
  BOOST_TEST(unexplained(Dtype::bf16, 0x1p-133, 0) == 0x1p-134);  // half a subnormal step
  BOOST_TEST(std::isnan(unexplained(Dtype::bf16, NAN, 1)));
}

// So much error before the last rounding, and a breath more, takes f to r, and less does not.
BOOST_AUTO_TEST_CASE(it_is_the_least_room_of_an_acceptance_set) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  for (const Dtype storage : {Dtype::bf16, Dtype::fp16, Dtype::fp32}) {
    int apart = 0;
    for (int round = 0; round < 2000; ++round) {
      const double f = normal(random);
      const double r = round_to(storage, f + 2 * ulp(storage, f) * normal(random));
      int exponent = 0;
      if (std::fabs(std::frexp(r, &exponent)) == 0.5) continue;  // beside a power of two
      const double least = unexplained(storage, f, r);
      BOOST_TEST(accepts(storage, f, least * (1 + 1e-6), 0, r));
      if (least > 1e-3 * ulp(storage, f)) {
        ++apart;
        BOOST_TEST(!accepts(storage, f, least * (1 - 1e-6), 0, r));
      }
    }
    BOOST_TEST(apart > 500);
  }
}

BOOST_AUTO_TEST_CASE(of_many_elements_the_one_that_needs_most_of_its_bound) {
  std::vector<double> f(2000, 1.0), b(2000, 0x1p-10), r(2000, 1.0);
  r[700] = r[1500] = 1 + 0x1p-7;  // 2^-8 is unexplained: four bounds
  b[1500] = 0x1p-11;              // eight
  r[3] = std::numeric_limits<double>::infinity();
  r[4] = 2, b[4] = 0;

  const Residual largest = largest_residual(Dtype::bf16, f, b, r);

  BOOST_TEST(largest.element == 1500);
  BOOST_TEST(largest.part == 8);
  r[1500] = r[700] = 1;
  BOOST_TEST(largest_residual(Dtype::bf16, f, b, r).element == -1);
}

BOOST_AUTO_TEST_CASE(of_equal_ones_the_first_stays) {
  Residual first{2, 5};
  first.add({2, 9});
  BOOST_TEST(first.element == 5);
  first.add({3, 11});
  BOOST_TEST(first.element == 11);
}

BOOST_AUTO_TEST_SUITE_END()
