// Sums in several orders, by hand; and that what rounding does to random terms stays where the
// random walk has it.
#include "reference/bounds/summation_noise.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>
#include <vector>

using namespace shardproof::reference;

BOOST_AUTO_TEST_SUITE(summation_noise_of_terms)

BOOST_AUTO_TEST_CASE(lanes_by_hand) {
  const std::vector<double> terms{1, 2, 3};

  const SumInOrder sequential = summed_in_lanes(terms, 1), lanes = summed_in_lanes(terms, 2),
                   pairwise = summed_in_lanes(terms, 3);

  BOOST_TEST(sequential.squares == 9 + 36);  // 1 + 2, + 3
  BOOST_TEST(lanes.squares == 16 + 36);      // 1 + 3, + 2
  BOOST_TEST(pairwise.squares == 9 + 36);    // (1 + 2) + 3
  for (const SumInOrder& sum : {sequential, lanes, pairwise}) {
    BOOST_TEST(sum.computed == 6);
    BOOST_TEST(sum.exact == 6);
  }
  BOOST_TEST(summed_in_lanes({}, 1).exact == 0);
}

BOOST_AUTO_TEST_CASE(an_order_that_loses_what_another_keeps_is_seen) {
  const std::vector<double> terms{1, 0x1p-24, 0x1p-24};  // a tie, and another: both to even

  BOOST_TEST(summed_in_lanes(terms, 1).computed == 1);
  BOOST_TEST(summation_noise(terms).seen == 0x1p-23);
  BOOST_TEST(summation_noise(terms).exact == 1 + 0x1p-23);
}

BOOST_AUTO_TEST_CASE(terms_that_are_no_fp32_numbers_are_rounded_and_counted) {
  const std::vector<double> terms{1 + 0x1p-30};

  const SumInOrder sum = summed_in_lanes(terms, 1);

  BOOST_TEST(sum.computed == 1);
  BOOST_TEST(sum.exact == 1 + 0x1p-30);
  BOOST_TEST(sum.squares == (1 + 0x1p-30) * (1 + 0x1p-30));
}

// Not one of 2000 sums is off by five deviations (5e-6 each by the inequality), though many are by
// half of one: the walk is the right size.
BOOST_AUTO_TEST_CASE(the_errors_of_random_sums_are_of_the_size_of_the_walk) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  double largest = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> terms(300);
    for (double& term : terms) term = static_cast<double>(static_cast<float>(normal(random)));
    const SumInOrder sum = summed_in_lanes(terms, 1);
    const double walk = 0x1p-24 * std::sqrt(sum.squares);
    largest = std::max(largest, std::fabs(sum.computed - sum.exact) / walk);
  }
  BOOST_TEST(largest < 5);
  BOOST_TEST(largest > 0.5);
}

BOOST_AUTO_TEST_SUITE_END()
