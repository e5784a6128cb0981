#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/units/judge_unit.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

reference::UnitResult bitwise(std::vector<double> value) {
  reference::UnitResult unit;
  unit.shape = {static_cast<std::int64_t>(value.size())};
  unit.value = std::move(value);
  return unit;
}

reference::UnitResult bounded(std::vector<double> value, double bound) {
  reference::UnitResult unit = bitwise(std::move(value));
  unit.bound.assign(unit.value.size(), bound);
  unit.error.assign(unit.value.size(), 0.0);
  return unit;
}

BOOST_AUTO_TEST_SUITE(element_compare)

BOOST_AUTO_TEST_CASE(one_judgement_is_of_one_function_of_tensors_alike_in_dtype_shape_and_bits) {
  const auto key = [](Dtype dtype, const Shape& shape, std::uint64_t hash, double eps = 0,
                      NonFinite non_finite = NonFinite::refused) {
    const HashedTensor argument{dtype, shape, hash}, result{Dtype::fp32, {8}, 7};
    return memo_key(reference::UnitKind::attention_lse, {.eps = eps}, {},
                    std::vector{argument, result}, non_finite);
  };

  BOOST_TEST(key(Dtype::bf16, {2, 4}, 1) == key(Dtype::bf16, {2, 4}, 1));
  BOOST_TEST(key(Dtype::bf16, {2, 4}, 1) != key(Dtype::bf16, {4, 2}, 1));
  BOOST_TEST(key(Dtype::bf16, {2, 4}, 1) != key(Dtype::bf16, {8}, 1));
  BOOST_TEST(key(Dtype::bf16, {2, 4}, 1) != key(Dtype::fp16, {2, 4}, 1));
  BOOST_TEST(key(Dtype::bf16, {2, 4}, 1) != key(Dtype::bf16, {2, 4}, 2));
  BOOST_TEST(key(Dtype::bf16, {2, 4}, 1) != key(Dtype::bf16, {2, 4}, 1, 1e-6));
  BOOST_TEST(key(Dtype::bf16, {2, 4}, 1) != key(Dtype::bf16, {2, 4}, 1, 0, NonFinite::accepted));
}

BOOST_AUTO_TEST_CASE(what_is_derived_is_another_in_another_dtype_or_shape) {
  const std::string key = derived_key("derived cast 1", Dtype::bf16, {2, 4});

  BOOST_TEST(key == derived_key("derived cast 1", Dtype::bf16, {2, 4}));
  BOOST_TEST(key != derived_key("derived cast 2", Dtype::bf16, {2, 4}));
  BOOST_TEST(key != derived_key("derived cast 1", Dtype::fp16, {2, 4}));
  BOOST_TEST(key != derived_key("derived cast 1", Dtype::bf16, {4, 2}));
}

BOOST_AUTO_TEST_CASE(counts_failures_and_keeps_the_first) {
  const auto unit = bounded({1, 2, 3, 4}, 0x1p-12);
  const std::vector<double> recorded{1, 2 + 0x1p-6, 3, 4.5};

  const Comparison result = compare_to_set(Dtype::bf16, unit, recorded);

  BOOST_TEST(result.compared == 4);
  BOOST_TEST(result.failed == 2);
  BOOST_TEST(result.first_failed == 1);
  BOOST_TEST(result.expected == 2);
  BOOST_TEST(result.got == 2 + 0x1p-6);
  BOOST_TEST(result.bound == 0x1p-12);
  BOOST_TEST(result.max_ratio == 0.5 / (0x1p-6 + 0x1p-12));
  BOOST_TEST(!result.all_passed());
}

BOOST_AUTO_TEST_CASE(each_of_many_elements_is_compared) {
  constexpr std::size_t count = 1300;
  for (const double bound : {0.0, 0x1p-12}) {
    const std::vector<double> right(count, 1.0);
    const auto unit = bound == 0 ? bitwise(right) : bounded(right, bound);
    for (std::size_t wrong : {0UL, 511UL, 512UL, 1024UL, count - 1}) {
      std::vector<double> recorded = right;
      recorded[wrong] = 1.5;

      const Comparison result = compare_to_set(Dtype::bf16, unit, recorded);

      BOOST_TEST(result.compared == count);
      BOOST_TEST(result.failed == 1, wrong);
      BOOST_TEST(result.first_failed == wrong);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_bitwise_unit_tells_the_zeros_apart) {
  const auto unit = bitwise({0.0, 1.0});
  BOOST_TEST(compare_to_set(Dtype::fp32, unit, std::vector{0.0, 1.0}).all_passed());
  BOOST_TEST(compare_to_set(Dtype::fp32, unit, std::vector{-0.0, 1.0}).failed == 1);
  BOOST_TEST(compare_to_set(Dtype::fp32, unit, std::vector{0.0, 1 + 0x1p-23}).failed == 1);
  BOOST_TEST(compare_to_set(Dtype::fp64, unit, std::vector{0.0, 1 + 0x1p-52}).failed == 1);
}

BOOST_AUTO_TEST_CASE(wrong_integers_fail_and_are_pointed_out) {
  const auto labels = bitwise({7, -100});
  BOOST_TEST(compare_to_set(Dtype::int64, labels, std::vector{7.0, 7.0}).failed == 1);
  BOOST_TEST(passes(Dtype::int64, labels, 0, 7));
  BOOST_TEST(!passes(Dtype::int64, labels, 1, 7));
}

BOOST_AUTO_TEST_CASE(a_nan_fails_under_any_bound) {
  BOOST_TEST(compare_to_set(Dtype::bf16, bounded({1}, 1e30), std::vector{nan}).failed == 1);
  BOOST_TEST(compare_to_set(Dtype::bf16, bitwise({nan}), std::vector{nan}).failed == 1);
}

BOOST_AUTO_TEST_CASE(in_a_skipped_step_an_overflow_is_accepted_where_one_may_be) {
  const auto failed = [](const reference::UnitResult& unit, const std::vector<double>& recorded) {
    return compare_to_set(Dtype::fp16, unit, recorded, NonFinite::accepted).failed;
  };
  reference::UnitResult unit = bounded({1, 1, 1}, 0x1p-20);
  BOOST_TEST(failed(unit, {1, nan, INFINITY}) == 2);
  unit.may_overflow = {true, true, false};
  BOOST_TEST(failed(unit, {1, nan, INFINITY}) == 1);
  BOOST_TEST(failed(unit, {2, nan, 1}) == 1);  // finite, so it did not overflow
  BOOST_TEST(compare_to_set(Dtype::fp16, unit, std::vector<double>{1, nan, 1}).failed ==
             1);  // not skipped
  unit = bounded({nan, 1, 1}, 0x1p-20);
  unit.finite_arguments = false;
  BOOST_TEST(failed(unit, {3, nan, 1}) == 0);
  BOOST_TEST(failed(unit, {nan, 2, 1}) == 1);  // what the inf did not reach is compared
}

BOOST_AUTO_TEST_CASE(in_a_skipped_step_what_has_bounds_is_compared_although_it_is_not_sound) {
  reference::UnitResult unit = bounded({1, 1, 1}, 0x1p-20);
  unit.sound = false;
  const auto judged = [&](const std::vector<double>& recorded, NonFinite non_finite) {
    return judge_result(unit, Dtype::fp16, recorded, non_finite);
  };
  BOOST_TEST(!judged({1, 1, 1}, NonFinite::refused).sound);
  const UnitVerdict clean = judged({1, 1, 1}, NonFinite::accepted);
  BOOST_TEST(clean.sound);
  BOOST_TEST(clean.comparison.all_passed());
  BOOST_TEST(judged({1, 2, nan}, NonFinite::accepted).comparison.failed == 2);

  unit.bound[0] = INFINITY;  // nothing says that it is right
  BOOST_TEST(!judged({1, 1, 1}, NonFinite::accepted).sound);

  unit.finite_arguments = false;
  const UnitVerdict beside = judged({-5, 1, 1}, NonFinite::accepted);
  BOOST_TEST(beside.sound);
  BOOST_TEST(beside.comparison.all_passed());
  BOOST_TEST(judged({-5, 2, 1}, NonFinite::accepted).comparison.failed == 1);
}

BOOST_AUTO_TEST_CASE(nothing_compared_is_no_pass) {
  const Comparison result = compare_to_set(Dtype::bf16, bitwise({}), {});
  BOOST_TEST(result.compared == 0);
  BOOST_TEST(!result.all_passed());
}

BOOST_AUTO_TEST_CASE(unequal_counts_and_unsound_units_are_refused) {
  BOOST_CHECK_THROW(compare_to_set(Dtype::bf16, bitwise({1, 2}), std::vector{1.0}), InvariantError);
  auto unsound = bounded({1}, 1);
  unsound.sound = false;
  BOOST_CHECK_THROW(compare_to_set(Dtype::bf16, unsound, std::vector{1.0}), InvariantError);
}

template <class Number>
std::vector<std::byte> bytes_of(const std::vector<Number>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * sizeof(Number));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

BOOST_AUTO_TEST_CASE(bits_are_compared_with_the_largest_difference) {
  const auto a = bytes_of<float>({1.0F, 2.0F, -3.0F});
  const auto b = bytes_of<float>({1.0F, std::nextafterf(2.0F, 3.0F), -3.5F});

  const Comparison result = compare_bits(a, b, Dtype::fp32);

  BOOST_TEST(result.compared == 3);
  BOOST_TEST(result.failed == 2);
  BOOST_TEST(result.first_failed == 1);
  BOOST_TEST(result.expected == 2);
  BOOST_TEST(result.max_absolute == 0.5);
  BOOST_TEST(compare_bits(a, a, Dtype::fp32).failed == 0);
}

BOOST_AUTO_TEST_CASE(equal_numbers_of_unequal_bits_differ) {
  const Comparison zeros =
      compare_bits(bytes_of<float>({0.0F}), bytes_of<float>({-0.0F}), Dtype::fp32);
  BOOST_TEST(zeros.failed == 1);
  BOOST_TEST(zeros.max_absolute == 0);
  const auto not_a_number = bytes_of<float>({std::nanf("")});
  BOOST_TEST(compare_bits(not_a_number, not_a_number, Dtype::fp32).failed == 0);
  BOOST_TEST(compare_bits(not_a_number, bytes_of<float>({1.0F}), Dtype::fp32).max_absolute ==
             std::numeric_limits<double>::infinity());
  BOOST_TEST(compare_bits({}, {}, Dtype::fp32).compared == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reports
