#include "reports/compare/rounding_set.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace shardproof::reports {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double bf16_largest = 0x1.fep127;

BOOST_AUTO_TEST_SUITE(rounding_set)

BOOST_AUTO_TEST_CASE(without_room_only_the_rounded_value_is_accepted) {
  BOOST_TEST(accepts(Dtype::bf16, 1 + 0x1p-9, 0, 0, 1.0));
  BOOST_TEST(!accepts(Dtype::bf16, 1 + 0x1p-9, 0, 0, 1 + 0x1p-7));
  BOOST_TEST(!accepts(Dtype::bf16, 1 + 0x1p-9, 0, 0, 1 - 0x1p-8));
  BOOST_TEST(accepts(Dtype::bf16, 1 + 0x1p-8, 0, 0, 1.0));  // a tie goes to even
  BOOST_TEST(!accepts(Dtype::bf16, 1 + 0x1p-8, 0, 0, 1 + 0x1p-7));
  BOOST_TEST(accepts(Dtype::bf16, 1 + 0x3p-8, 0, 0, 1 + 0x1p-6));
}

BOOST_AUTO_TEST_CASE(room_reaches_the_neighbour_exactly_where_the_midpoint_is_crossed) {
  BOOST_TEST(!accepts(Dtype::bf16, 1, 0x1p-10, 0, 1 - 0x1p-8));
  BOOST_TEST(accepts(Dtype::bf16, 1, 0x1p-9, 0x1p-10, 1 - 0x1p-8));  // midpoint 1 - 2^-9
  BOOST_TEST(!accepts(Dtype::bf16, 1, 0x1p-9, 0x1p-10, 1 + 0x1p-7));
  BOOST_TEST(accepts(Dtype::bf16, 1, 0x1p-8, 0x1p-10, 1 + 0x1p-7));  // midpoint 1 + 2^-8
  BOOST_TEST(!accepts(Dtype::bf16, 1, 0x1p-8, 0x1p-10, 1 + 0x1p-6));
}

BOOST_AUTO_TEST_CASE(fp32_rounds_at_its_own_midpoints) {
  BOOST_TEST(accepts(Dtype::fp32, 1 + 0x1p-25, 0, 0, 1.0));
  BOOST_TEST(!accepts(Dtype::fp32, 1 + 0x1p-25, 0, 0, 1 + 0x1p-23));
  BOOST_TEST(accepts(Dtype::fp32, 1 + 0x1p-25, 0x1p-24, 0, 1 + 0x1p-23));
}

BOOST_AUTO_TEST_CASE(fp64_allows_bound_error_and_half_an_ulp) {
  BOOST_TEST(accepts(Dtype::fp64, 1, 0, 0, 1.0));
  BOOST_TEST(accepts(Dtype::fp64, 1, 0x1p-53, 0, 1 + 0x1p-52));
  BOOST_TEST(!accepts(Dtype::fp64, 1, 0x1p-53, 0, 1 + 0x1p-51));
  BOOST_TEST(accepts(Dtype::fp64, 0, 0, 0, 0.0));
  BOOST_TEST(!accepts(Dtype::fp64, 0, 0, 0, 0x1p-1000));
}

BOOST_AUTO_TEST_CASE(a_nan_fails_wherever_it_stands) {
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16}) {
    BOOST_TEST(!accepts(dtype, 1, 1, 0, nan));
    BOOST_TEST(!accepts(dtype, nan, 1, 0, 1));
    BOOST_TEST(!accepts(dtype, nan, 1, 0, nan));
    BOOST_TEST(!accepts(dtype, 1, nan, 0, 1));
    BOOST_TEST(!accepts(dtype, 1, 0, nan, 1));
  }
}

BOOST_AUTO_TEST_CASE(infinity_is_accepted_only_where_the_set_overflows) {
  const double half_ulp = 0x1p119;
  BOOST_TEST(!accepts(Dtype::bf16, bf16_largest, half_ulp / 4, 0, inf));
  BOOST_TEST(accepts(Dtype::bf16, bf16_largest, half_ulp, 0, inf));
  BOOST_TEST(!accepts(Dtype::bf16, bf16_largest, half_ulp, 0, -inf));
  BOOST_TEST(accepts(Dtype::bf16, inf, 0, 0, inf));
  BOOST_TEST(!accepts(Dtype::bf16, inf, 0, 0, bf16_largest));
  BOOST_TEST(!accepts(Dtype::fp64, 1e308, 1, 0, inf));
  BOOST_TEST(!accepts(Dtype::fp16, 65504, 8, 0, inf));
  BOOST_TEST(accepts(Dtype::fp16, 65504, 16, 0, inf));
  BOOST_TEST(accepts(Dtype::fp16, 65504, 16, 0, 65504));
  BOOST_TEST(!accepts(Dtype::fp16, 70000, 16, 0, 65504));
}

BOOST_AUTO_TEST_CASE(subnormals_have_their_own_spacing) {
  const double smallest = 0x1p-133;  // of bf16
  BOOST_TEST(accepts(Dtype::bf16, smallest * 1.4, 0, 0, smallest));
  BOOST_TEST(!accepts(Dtype::bf16, smallest * 1.4, 0, 0, 2 * smallest));
  BOOST_TEST(accepts(Dtype::bf16, smallest * 0.4, 0, 0, 0.0));
  BOOST_TEST(!accepts(Dtype::bf16, smallest * 0.6, 0, 0, 0.0));
  BOOST_TEST(accepts(Dtype::fp16, 0x1.8p-25, 0, 0, 0x1p-24));
  BOOST_TEST(!accepts(Dtype::fp16, 0x1.8p-25, 0, 0, 0.0));
  BOOST_TEST(accepts(Dtype::fp16, 0x1.8p-25, 0x1p-26, 0, 0.0));
}

// A step to the neighbour in bf16.
double step(double value, int steps) {
  const auto bits = bf16_from_float(static_cast<float>(value));
  return static_cast<double>(float_from_bf16(static_cast<std::uint16_t>(bits + steps)));
}

BOOST_AUTO_TEST_CASE(every_bf16_number_is_its_own_set_and_its_neighbours_are_not) {
  int numbers = 0;
  for (int code = 1; code < 0x7f7f; ++code, ++numbers) {
    const auto x = static_cast<double>(float_from_bf16(static_cast<std::uint16_t>(code)));
    BOOST_REQUIRE(accepts(Dtype::bf16, x, 0, 0, x) && accepts(Dtype::bf16, -x, 0, 0, -x));
    BOOST_REQUIRE(!accepts(Dtype::bf16, x, 0, 0, step(x, 1)));
    BOOST_REQUIRE(!accepts(Dtype::bf16, x, 0, 0, step(x, -1)));
  }
  BOOST_TEST(numbers == 0x7f7e);
}

BOOST_AUTO_TEST_CASE(the_set_equals_its_definition_on_random_elements) {
  constexpr unsigned seed = 20261;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  int accepted = 0, rejected = 0;
  for (int i = 0; i < 200000; ++i) {
    const double f = normal(random), b = std::fabs(normal(random)) * 0x1p-9;
    const double r = step(round_to(Dtype::bf16, f), static_cast<int>(random() % 5) - 2);
    const bool expected = round_to(Dtype::bf16, f - b) <= r && r <= round_to(Dtype::bf16, f + b);
    BOOST_REQUIRE_EQUAL(accepts(Dtype::bf16, f, b, 0, r), expected);
    (expected ? accepted : rejected)++;
  }
  BOOST_TEST(accepted > 1000);
  BOOST_TEST(rejected > 1000);
}

BOOST_AUTO_TEST_CASE(the_ratio_is_the_used_part_of_the_room) {
  BOOST_TEST(ratio(Dtype::bf16, 1, 0, 0, 1) == 0);
  BOOST_TEST(ratio(Dtype::bf16, 1 + 0x1p-8, 0, 0, 1) == 1);  // half an ulp away: 2^-8
  BOOST_TEST(ratio(Dtype::bf16, 1, 0x1p-9, 0x1p-9, 1 + 0x1p-7) == 1);
  BOOST_TEST(ratio(Dtype::bf16, 1, 0, 0, 1 + 0x1p-7) == 2);
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp32, Dtype::fp64})
    for (const double f : {1.0, -3.7, 0x1p-126, 0x1p-130, 0x1.8p127, 0x1p130, 0.0})
      BOOST_TEST(ratio(dtype, f, 0.25, 0, f + 1) ==
                 std::fabs(f + 1 - f) / (ulp(dtype, std::fabs(f) + 0.25) / 2 + 0.25));
}

// Also where the set reaches into the next binade, whose steps are twice as wide.
BOOST_AUTO_TEST_CASE(what_is_accepted_uses_no_more_than_its_room) {
  constexpr unsigned seed = 20262;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> near_one(0.99, 1.01);
  int accepted = 0;
  for (int i = 0; i < 200000; ++i) {
    const double f = near_one(random), b = std::fabs(near_one(random) - 1) / 2;
    const double r = step(round_to(Dtype::bf16, f), static_cast<int>(random() % 5) - 2);
    if (!accepts(Dtype::bf16, f, b, 0, r)) continue;
    ++accepted;
    BOOST_REQUIRE_LE(ratio(Dtype::bf16, f, b, 0, r), 1 + 0x1p-40);
  }
  BOOST_TEST(accepted > 1000);
}

// From all binades of a format, most from its ends and from powers of two.
double some_number(Dtype storage, std::mt19937_64& random) {
  const FloatFormat format = format_of(storage);
  const int ends[] = {format.min_exponent - format.precision, format.min_exponent, 0,
                      format.max_exponent};
  const int exponent = ends[random() % 4] + static_cast<int>(random() % 5) - 2;
  std::uniform_real_distribution<double> fraction(1, 2);
  const double size = std::ldexp(random() % 3 == 0 ? 1 : fraction(random), exponent);
  return random() % 2 == 0 ? size : -size;
}

BOOST_AUTO_TEST_CASE(what_one_look_accepts_is_in_the_set_and_has_its_ratio) {
  constexpr unsigned seed = 20263;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (const Dtype storage : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16}) {
    int seen = 0, refused = 0;
    for (int i = 0; i < 200000; ++i) {
      const double around = some_number(storage, random);
      // Half of all r are where the steps change.
      const double r = round_to(storage, around);
      const double step = std::isfinite(r) ? ulp(storage, r) : ulp(storage, 1);
      const double f = r + 1.5 * step * unit(random);
      const double b = i % 2 == 0 ? 0 : std::fabs(unit(random)) * step, e = i % 3 == 0 ? b / 8 : 0;
      std::uint8_t doubtful = 2;

      const Screening look = screen(storage, &f, &b, &e, &r, {&doubtful, 1});

      const bool accepted = accepts(storage, f, b, e, r);
      BOOST_REQUIRE_EQUAL(look.doubtful, doubtful);
      if (!accepted) ++refused;
      if (doubtful == 1) continue;
      ++seen;
      BOOST_REQUIRE_MESSAGE(accepted, name_of(storage)
                                          << " f " << f << " b " << b << " e " << e << " r " << r);
      const double exact = ratio(storage, f, b, e, r);
      BOOST_REQUIRE_SMALL(look.max_ratio - exact, 1e-12 * exact + 1e-300);
    }
    BOOST_TEST(refused > 50000, name_of(storage));
    BOOST_TEST(seen > 50000, name_of(storage));
  }
}

BOOST_AUTO_TEST_CASE(one_look_tells_nothing_of_integers) {
  const std::vector<double> f{7, 8}, none{0, 0};
  std::vector<std::uint8_t> doubtful(2);

  const Screening look =
      screen(Dtype::int64, f.data(), none.data(), none.data(), f.data(), doubtful);

  BOOST_TEST(look.doubtful == 2);
  BOOST_TEST((doubtful == std::vector<std::uint8_t>{1, 1}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reports
