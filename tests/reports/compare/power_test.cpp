// The smallest faults that would have been seen, on numbers that can be worked out by hand.
#include "reports/compare/power.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

using namespace shardproof;
using namespace shardproof::reports;

namespace {

/// `count` elements of one value, with room for error before the last rounding.
reference::UnitResult constant(double value, double room, std::size_t count) {
  return {.shape = {static_cast<std::int64_t>(count)},
          .value = std::vector<double>(count, value),
          .bound = std::vector<double>(count, room),
          .error = std::vector<double>(count, 0.0)};
}

std::optional<Power> power_of(const reference::UnitResult& unit, Dtype storage = Dtype::bf16) {
  PowerSample sample(8);
  sample.look_at(storage, unit);
  return sample.power();
}

constexpr double step = 0x1p-7;  // of bf16 at 1
const auto within_a_percent = boost::test_tools::tolerance(0.01);

}  // namespace

BOOST_AUTO_TEST_SUITE(power)

// 1000 ones: twenty are outside where each is with probability 0.02.
BOOST_AUTO_TEST_CASE(a_factor_is_seen_from_twenty_elements_on) {
  const auto sharp = power_of(constant(1, 0, 1000)), loose = power_of(constant(1, 3 * step, 1000));

  BOOST_TEST(sharp.value().scale == 0.02 * step, within_a_percent);
  BOOST_TEST(loose.value().scale == 3.02 * step, within_a_percent);
}

BOOST_AUTO_TEST_CASE(of_fewer_elements_all_must_be_outside) {
  BOOST_TEST(power_of(constant(1, step, 3)).value().scale == 2 * step, within_a_percent);
}

BOOST_AUTO_TEST_CASE(one_element_is_seen_from_some_steps_on_and_a_bit_from_some_place) {
  BOOST_TEST(power_of(constant(1, 0, 5)).value().steps == 1);
  BOOST_TEST(power_of(constant(1, 0, 5)).value().bit() == 0);
  // 4 steps are 3.5 from where rounding to 1 ends, 3 are 2.5.
  BOOST_TEST(power_of(constant(1, 3 * step, 5)).value().steps == 4);
  BOOST_TEST(power_of(constant(1, 3 * step, 5)).value().bit() == 2);
}

BOOST_AUTO_TEST_CASE(suspects_see_more_where_less_of_a_bound_is_room) {
  PowerSample sample(8);
  sample.look_at(Dtype::bf16, constant(1, 3 * step, 1000));

  BOOST_TEST(sample.visible_scale(0.1) == 0.32 * step, within_a_percent);
}

BOOST_AUTO_TEST_CASE(no_factor_changes_zeros) {
  BOOST_TEST(!power_of(constant(0, 0, 5)).has_value());
  reference::UnitResult some = constant(0, 0, 8);
  some.value[5] = 1;
  BOOST_TEST(power_of(some).value().scale == step, within_a_percent);
}

BOOST_AUTO_TEST_CASE(what_is_seen_in_both_is_seen_in_the_worse) {
  Power power{.scale = 1, .scale_by_suspects = 0.125, .steps = 3};
  power.join({.scale = 0.5, .scale_by_suspects = 0.25, .steps = 8});
  BOOST_TEST(power.scale == 1);
  BOOST_TEST(power.steps == 8);
  BOOST_TEST(power.scale_by_suspects.value() == 0.25);
  power.join({.scale = 0.5, .scale_by_suspects = {}, .steps = 8});  // nobody would suspect it there
  BOOST_TEST(!power.scale_by_suspects);
  power.join({.scale = 0.5, .scale_by_suspects = 0.25, .steps = 8});
  BOOST_TEST(!power.scale_by_suspects);
}

BOOST_AUTO_TEST_SUITE_END()
