#include "scenarios/data/generator.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

using namespace shardproof;

namespace {
using Words = std::array<std::uint32_t, 4>;
}

BOOST_AUTO_TEST_CASE(philox_gives_the_known_answers_of_its_authors) {
  // Random123's kat_vectors, philox4x32 with 10 rounds: zeros, ones, digits of pi.
  BOOST_TEST(
      (philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  BOOST_TEST((philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
              Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  BOOST_TEST((philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

BOOST_AUTO_TEST_CASE(values_have_the_moments_of_their_distribution) {
  const Generator generator(11, "model.embed_tokens.weight");
  const int count = 200'000;
  double sum = 0, squares = 0, fourths = 0, uniform = 0, largest = 0;
  for (int i = 0; i < count; ++i) {
    const double z = generator.normal(i);
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
    largest = std::max(largest, std::fabs(z));
    const double u = generator.uniform(i);
    BOOST_REQUIRE(u >= 0 && u < 1);
    uniform += u;
  }

  // Four standard errors each. The kurtosis of a sum of 8 uniforms is 3 - 1.2 / 8 = 2.85.
  BOOST_TEST(std::fabs(sum / count) < 4.0 / std::sqrt(count));
  BOOST_TEST(std::fabs(squares / count - 1) < 4.0 * std::sqrt(1.85 / count));
  BOOST_TEST(std::fabs(fourths / count - 2.85) < 0.1);
  BOOST_TEST(std::fabs(uniform / count - 0.5) < 4.0 * std::sqrt(1.0 / 12 / count));
  BOOST_TEST(largest > 3.5);
  BOOST_TEST(largest < 4.9);
}

BOOST_AUTO_TEST_CASE(a_value_is_made_of_integers_and_correctly_rounded_operations) {
  const Generator generator(0, "w");
  // Bits that must be the same on every machine, whatever its libm.
  BOOST_TEST(std::bit_cast<std::uint64_t>(generator.normal(0)) ==
             std::bit_cast<std::uint64_t>(-0x1.3291a6c00c1cfp-3));
  BOOST_TEST(std::bit_cast<std::uint64_t>(generator.uniform(1)) ==
             std::bit_cast<std::uint64_t>(0x1.f0d0e36d3db46p-1));
  BOOST_TEST(generator.below(1000, 2) == 884);
}

BOOST_AUTO_TEST_CASE(no_two_tensors_and_no_two_seeds_share_values) {
  std::set<std::uint64_t> seen;
  int count = 0;
  for (const std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32})
    for (const char* name : {"model.layers.0.mlp.up_proj.weight",
                             "model.layers.1.mlp.up_proj.weight", "model.norm.weight", "tokens"}) {
      const Generator generator(seed, name);
      for (std::int64_t i = 0; i < 1000; ++i, ++count)
        seen.insert(std::bit_cast<std::uint64_t>(generator.uniform(i)));
    }

  BOOST_TEST(seen.size() == static_cast<std::size_t>(count));
}

BOOST_AUTO_TEST_CASE(indices_past_32_bits_have_values_of_their_own) {
  const Generator generator(3, "big");
  BOOST_TEST(generator.uniform(5) != generator.uniform(5 + (std::int64_t{1} << 32)));
}

BOOST_AUTO_TEST_CASE(below_reaches_every_number_under_its_bound_and_no_other) {
  const Generator generator(5, "tokens");
  std::set<std::int64_t> seen;
  for (std::int64_t i = 0; i < 500; ++i) seen.insert(generator.below(7, i));

  BOOST_TEST((seen == std::set<std::int64_t>{0, 1, 2, 3, 4, 5, 6}));
  BOOST_TEST(generator.below(1, 9) == 0);
}
