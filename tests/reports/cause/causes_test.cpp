// Each class of causes by hand: numbers that have it, and numbers that have not.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>

#include "reports/cause/element_bits.hpp"
#include "reports/cause/factors.hpp"
#include "reports/cause/likely_cause.hpp"
#include "reports/cause/replays.hpp"
#include "reports/cause/terms.hpp"
#include "reports/values/byte_source.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {
namespace {

using namespace reports;
using reference::UnitKind;

SharedTensor tensor(Dtype dtype, const Shape& shape, std::vector<double> values) {
  Bytes bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return tensor_in(dtype, shape, in_memory(std::move(bytes)));
}

std::vector<double> random_numbers(Dtype dtype, std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& value : values) value = round_to(dtype, normal(generator));
  return values;
}

/// A run that is right, tp 2 x dp 2, two micro-steps, in which a unit is said to be wrong.
class Wrong {
 public:
  explicit Wrong(JudgedUnit unit) : unit_(std::move(unit)) {
    divergence_.execution = "sim";
    divergence_.moment = {Moment::Stage::step, 0, 0};
    divergence_.index = {0};
  }

  Suspect suspect() {
    const JudgedRun& ran = run();
    static const JudgeContext context = ran.context();
    Suspect suspect{context, ran.trace(), divergence_};
    auto evidence = std::make_shared<Evidence>(Evidence{.unit = unit_});
    evidence->inputs.assign(unit_.arguments.size(), "/initial/x");
    suspect.evidence = evidence;
    suspect.probe.emplace(unit_, 0, [](std::int64_t place) { return place; });
    return suspect;
  }

 private:
  static const JudgedRun& run() {
    static const JudgedRun run(sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16"));
    return run;
  }

  JudgedUnit unit_;
  FirstDivergence divergence_;
};

JudgedUnit copied(Dtype dtype, const Shape& shape, const std::vector<double>& expected,
                  const std::vector<double>& recorded) {
  return {UnitKind::copy,
          {},
          {.output = dtype},
          {tensor(dtype, shape, expected)},
          tensor(dtype, shape, recorded)};
}

std::optional<Cause> ask(std::optional<Cause> (*search)(const Suspect&), const JudgedUnit& unit) {
  return search(Wrong(unit).suspect());
}

/// That the cause is this one.
void expect(const std::optional<Cause>& cause, const std::string& name,
            std::optional<double> coefficient = std::nullopt) {
  BOOST_TEST_REQUIRE(cause.has_value(), name);
  BOOST_TEST(cause->name == name);
  if (coefficient) BOOST_TEST(cause->coefficient.value_or(0) == *coefficient);
}

JudgedUnit unit_of(UnitKind kind, std::vector<SharedTensor> arguments, const Shape& shape,
                   const std::vector<double>& recorded,
                   const reference::UnitAttributes& attributes = {}) {
  return {kind,
          attributes,
          {.output = Dtype::fp32, .compute = Dtype::fp32, .hop = Dtype::fp32},
          std::move(arguments),
          tensor(Dtype::fp32, shape, recorded)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(causes)

BOOST_AUTO_TEST_CASE(a_flipped_bit_is_named_with_its_place) {
  const std::vector<double> expected{1, 2, 3, 4};

  // 3 is 1.1 b times two; bit 22 of fp32 is the first behind the point.
  const auto cause = ask(flipped_bit_of, copied(Dtype::fp32, {4}, expected, {1, 2, 2, 4}));
  expect(cause, "flipped bit", 22);
  BOOST_TEST(cause->certain);

  // Numbers side by side differ in the last bit as often as not: that is no proof of a flip.
  const double next = std::nextafter(2.0F, 3.0F);
  const auto last = ask(flipped_bit_of, copied(Dtype::fp32, {4}, expected, {1, next, 3, 4}));
  expect(last, "flipped bit", 0);
  BOOST_TEST(!last->certain);

  // No one bit makes 3 of 4.5, and not all elements have lost the same one.
  BOOST_TEST(!ask(flipped_bit_of, copied(Dtype::fp32, {4}, expected, {1, 2, 4.5, 4})));
  BOOST_TEST(!ask(flipped_bit_of, copied(Dtype::fp32, {4}, expected, {1, -2, 2, 4})));
}

BOOST_AUTO_TEST_CASE(numbers_that_were_rounded_on_the_way_have_fewer_bits) {
  const std::vector<double> expected = random_numbers(Dtype::fp32, 12, 1);
  std::vector<double> recorded = expected;
  round_all(Dtype::bf16, recorded);

  const auto cause = ask(fewer_bits, copied(Dtype::fp32, {12}, expected, recorded));
  expect(cause, "rounded to bf16");

  recorded[5] = std::nextafter(static_cast<float>(recorded[5]), 2.0F);
  BOOST_TEST(!ask(fewer_bits, copied(Dtype::fp32, {12}, expected, recorded)));
  // Whole numbers have few bits whatever happens to them.
  BOOST_TEST(!ask(fewer_bits, copied(Dtype::fp32, {4}, {1, 2, 3, 4}, {2, 3, 4, 5})));
}

BOOST_AUTO_TEST_CASE(right_elements_in_wrong_places_are_found) {
  const std::vector<double> x{1.5, 2.25, 3.75, 4.5, 5.25, 6.125};  // (2, 3)
  const auto rearrangement = [&](const std::vector<double>& recorded) {
    return ask(rearranged, copied(Dtype::fp32, {2, 3}, x, recorded));
  };

  expect(rearrangement({x[0], x[3], x[1], x[4], x[2], x[5]}), "transposed");
  expect(rearrangement({0, x[0], x[1], x[2], x[3], x[4]}), "shifted", 1);
  expect(rearrangement({x[2], x[3], x[4], x[5], 7, 8}), "shifted", -2);
  expect(rearrangement({x[0], x[2], x[1], x[3], x[5], x[4]}), "columns elsewhere");
  BOOST_TEST(!rearrangement({9, x[3], x[1], x[4], x[2], 7}));
  const std::vector<double> y{1.5, 2.25, 3.75, 4.5, 5.25, 6.125, 7.5, 8.25, 9.75};
  expect(ask(rearranged, copied(Dtype::fp32, {3, 3}, y,
                                {y[3], y[4], y[5], y[0], y[1], y[2], y[6], y[7], y[8]})),
         "rows elsewhere");
}

BOOST_AUTO_TEST_CASE(a_factor_has_the_names_of_all_numbers_that_it_is) {
  const std::vector<double> expected = random_numbers(Dtype::fp32, 40, 2);
  const auto times = [&](double factor) {
    std::vector<double> recorded = expected;
    for (double& value : recorded) value *= factor;
    return copied(Dtype::fp32, {40}, expected, recorded);
  };

  const auto half = ask(named_factor_of, times(0.5));
  expect(half, "factor", 0.5);
  BOOST_TEST(half->known_as == "1/tp, 1/dp, 1/micro-steps");
  const auto turned = ask(named_factor_of, times(-1));
  expect(turned, "factor", -1);
  BOOST_TEST(turned->known_as == "the other sign");
  BOOST_TEST(!ask(named_factor_of, times(1.25)));
  expect(ask(any_factor_of, times(1.25)), "factor", 1.25);
  expect(ask(any_factor_of, times(17)), "factor", 17);
}

BOOST_AUTO_TEST_CASE(the_factor_of_most_wrong_elements_has_their_share) {
  const std::vector<double> expected = random_numbers(Dtype::fp32, 40, 3);
  std::vector<double> recorded = expected;
  for (std::size_t i = 0; i < 28; ++i) recorded[i] *= 2;
  for (std::size_t i = 28; i < 40; ++i) recorded[i] += 1.0 / 3;

  const auto cause = ask(factor_of_most, copied(Dtype::fp32, {40}, expected, recorded));

  expect(cause, "factor", 2);
  BOOST_TEST(cause->score.value_or(0) == 0.7);
  BOOST_TEST(!ask(any_factor_of, copied(Dtype::fp32, {40}, expected, recorded)));
}

BOOST_AUTO_TEST_CASE(a_factor_that_wide_bounds_do_not_pin_down_is_the_simplest_that_explains_most) {
  const std::vector<double> terms = random_numbers(Dtype::bf16, 8 * 40, 9);
  std::vector<double> recorded(40);
  for (std::size_t i = 0; i < terms.size(); ++i) recorded[i % 40] += 1.5 * terms[i];
  JudgedUnit sum = unit_of(UnitKind::sum, {tensor(Dtype::bf16, {8, 40}, terms)}, {40}, recorded);
  sum.precision.hop = Dtype::bf16;  // in which the terms may have been added

  expect(ask(factor_of_most, sum), "factor", 1.5);
  BOOST_TEST(ask(factor_of_most, sum)->score.value_or(0) == 1);
  BOOST_TEST(!ask(any_factor_of, sum));  // 1.49 would do, too
}

BOOST_AUTO_TEST_CASE(an_operand_that_is_missing_or_has_a_factor_is_named) {
  const std::vector<double> a = random_numbers(Dtype::fp32, 30, 4),
                            b = random_numbers(Dtype::fp32, 30, 5);
  const auto sum = [&](double of_a, double of_b) {
    std::vector<double> recorded(30);
    for (std::size_t i = 0; i < 30; ++i)
      recorded[i] = round_to(Dtype::fp32, of_a * a[i] + of_b * b[i]);
    return unit_of(UnitKind::add, {tensor(Dtype::fp32, {30}, a), tensor(Dtype::fp32, {30}, b)},
                   {30}, recorded);
  };

  expect(ask(operand_times, sum(0, 1)), "operand missing", 0);
  expect(ask(operand_times, sum(1, 2)), "factor of an operand", 2);
  expect(ask(operand_times, sum(1, -1)), "factor of an operand", -1);
  BOOST_TEST(!ask(operand_times, sum(1, 1.3)));
}

BOOST_AUTO_TEST_CASE(an_op_that_was_applied_to_its_own_result_is_named) {
  const std::vector<double> x = random_numbers(Dtype::fp32, 16, 6);
  const auto soft_capped = [&](int times) {
    std::vector<double> recorded = x;
    for (int i = 0; i < times; ++i)
      for (double& value : recorded) value = round_to(Dtype::fp32, 2 * std::tanh(value / 2));
    return unit_of(UnitKind::soft_cap, {tensor(Dtype::fp32, {16}, x)}, {16}, recorded, {.cap = 2});
  };

  expect(ask(applied_twice, soft_capped(2)), "applied twice");
  BOOST_TEST(!ask(applied_twice, soft_capped(3)));
}

BOOST_AUTO_TEST_CASE(another_eps_is_named_where_it_explains_everything) {
  const std::vector<double> x = random_numbers(Dtype::fp32, 64, 7), weight(16, 1.0);
  const auto normed = [&](double eps) {
    std::vector<double> recorded(64);
    for (std::size_t row = 0; row < 4; ++row) {
      double squares = 0;
      for (std::size_t c = 0; c < 16; ++c) squares += x[16 * row + c] * x[16 * row + c];
      for (std::size_t c = 0; c < 16; ++c)
        recorded[16 * row + c] = x[16 * row + c] / std::sqrt(squares / 16 + eps);
    }
    return unit_of(UnitKind::rms_norm,
                   {tensor(Dtype::fp32, {4, 16}, x), tensor(Dtype::fp32, {16}, weight)}, {4, 16},
                   recorded, {.eps = 1e-2});
  };

  expect(ask(other_number, normed(1e-5)), "another eps", 1e-5);
  BOOST_TEST(!ask(other_number, normed(7e-3)));
}

BOOST_AUTO_TEST_CASE(a_part_of_a_mean_that_is_missing_or_there_twice_is_named) {
  const std::vector<double> parts = random_numbers(Dtype::fp32, 60, 8);  // (3, 20)
  const auto mean = [&](std::vector<double> counts) {
    std::vector<double> recorded(20);
    for (std::size_t i = 0; i < 20; ++i)
      for (std::size_t row = 0; row < 3; ++row)
        recorded[i] += counts[row] * parts[20 * row + i] / 3;
    return unit_of(UnitKind::mean, {tensor(Dtype::fp32, {3, 20}, parts)}, {20}, recorded);
  };

  expect(ask(other_terms, mean({1, 0, 1})), "part missing", 1);
  expect(ask(other_terms, mean({1, 1, 2})), "part twice", 2);
  BOOST_TEST(!ask(other_terms, mean({1, 0.5, 1})));
}

BOOST_AUTO_TEST_CASE(numbers_without_a_cause_have_none) {
  for (unsigned seed = 100; seed < 140; ++seed)
    for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::fp32, Dtype::fp64})
      BOOST_TEST_CONTEXT(name_of(dtype) << ", seed " << seed) {
        const std::size_t wrong = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 7 : 48;
        const std::vector<double> expected = random_numbers(dtype, 48, seed);
        const std::vector<double> other = random_numbers(dtype, 48, seed + 1000);
        std::vector<double> recorded = expected;
        for (std::size_t i = 0; i < wrong; ++i) recorded[5 * i % 48] = other[i];

        for (const auto search : {flipped_bit_of, fewer_bits, rearranged, other_terms,
                                  named_factor_of, any_factor_of, applied_twice}) {
          const auto cause = ask(search, copied(dtype, {6, 8}, expected, recorded));
          BOOST_TEST(!cause.has_value(), (cause ? cause->name : ""));
        }
      }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
