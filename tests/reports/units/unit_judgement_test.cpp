// A unit of many tiles is judged as if it were one: places, counts and a common factor are the
// whole result's.
#include "reports/units/unit_judgement.hpp"

#include <boost/test/unit_test.hpp>

using namespace shardproof;
using namespace shardproof::reports;
using reference::UnitKind;

namespace {

// Rows that are wider than a tile, so that tiles are parts of a row.
const Shape shape{3, 40'000};
constexpr std::size_t width = 40'000, count = 3 * width;

SharedTensor tensor_of(Dtype dtype, const Shape& of, const std::vector<double>& values) {
  Bytes bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return tensor_in(dtype, of, in_memory(std::move(bytes)));
}

/// `given` is cast to bf16, which was recorded as `recorded`.
JudgedUnit cast_of(const std::vector<double>& given, const std::vector<double>& recorded) {
  return {.kind = UnitKind::cast,
          .attributes = {},
          .precision = {.output = Dtype::bf16},
          .arguments = {tensor_of(Dtype::fp64, shape, given)},
          .result = tensor_of(Dtype::bf16, shape, recorded)};
}

// Its tiles are judged last to first.
UnitVerdict verdict_on(UnitJudgement& unit) {
  BOOST_TEST(unit.parts() > 6u);
  for (std::size_t part = unit.parts(); part-- > 0;) unit.run(part);
  return unit.verdict();
}

std::vector<double> times(double factor, std::vector<double> values) {
  for (double& value : values) value *= factor;
  return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(units_of_many_tiles)

BOOST_AUTO_TEST_CASE(wrong_elements_are_found_where_they_lie_in_the_result) {
  const std::vector<double> right(count, 3);
  std::vector<double> recorded = right;
  const std::vector<std::size_t> wrong{width + 39'000, 2 * width + 5, count - 1};
  for (const std::size_t element : wrong) recorded[element] = 5;
  UnitJudgement unit(cast_of(right, recorded));

  const UnitVerdict verdict = verdict_on(unit);
  std::vector<std::size_t> failing;
  unit.for_each_failing([&](std::int64_t element) {
    failing.push_back(static_cast<std::size_t>(element));
    return true;
  });

  BOOST_TEST(verdict.comparison.compared == count);
  BOOST_TEST(verdict.comparison.failed == 3);
  BOOST_TEST(verdict.comparison.first_failed == width + 39'000);
  BOOST_TEST(name_of(verdict.proof) == "bitwise");
  BOOST_TEST(!verdict.comparison.factor.has_value());
  BOOST_TEST(failing == wrong, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_factor_is_one_of_all_tiles) {
  const std::vector<double> right(count, 3), twice = times(2, right);
  UnitJudgement all(cast_of(right, twice));
  BOOST_TEST(verdict_on(all).comparison.factor.value_or(0) == 2);
  for (const std::size_t once : {std::size_t{0}, count - 1}) {
    std::vector<double> but_one = twice;
    but_one[once] = 3;
    UnitJudgement most(cast_of(right, but_one));
    BOOST_TEST(!verdict_on(most).comparison.factor.has_value(), once);
  }
}

// The first tile says four, as 1 and 4 are what bf16 has of 1.4 and 4.2 of its smallest number.
BOOST_AUTO_TEST_CASE(the_factor_is_that_of_the_largest_element_of_all_tiles) {
  std::vector<double> given(count, 1.4 * 0x1p-133);
  given[count - 5] = 100;
  UnitJudgement unit(cast_of(given, times(3, given)));

  BOOST_TEST(verdict_on(unit).comparison.factor.value_or(0) == 3);
}

BOOST_AUTO_TEST_CASE(what_could_be_left_out_without_anybody_seeing_it_is_vacuous) {
  const auto vacuous = [](UnitKind kind, double x, double operand, double result) {
    JudgedUnit judged{.kind = kind,
                      .attributes = {},
                      .precision = {.output = Dtype::fp32, .compute = Dtype::fp32},
                      .arguments = {tensor_of(Dtype::fp32, {1}, {x})},
                      .result = tensor_of(Dtype::fp32, {1}, {result})};
    if (kind == UnitKind::add_bias)
      judged.arguments.push_back(tensor_of(Dtype::fp32, {1}, {operand}));
    if (kind == UnitKind::sgd) {
      judged.arguments.push_back(tensor_of(Dtype::fp32, {1}, {1}));
      judged.arguments.push_back(tensor_of(Dtype::fp32, {1}, {operand}));
    }
    judged.attributes.factor = operand;
    UnitJudgement unit(std::move(judged));
    for (std::size_t part = 0; part < unit.parts(); ++part) unit.run(part);
    const UnitVerdict verdict = unit.verdict();
    BOOST_TEST(verdict.comparison.failed == 0);
    BOOST_TEST(verdict.power.has_value() == (result != 0));
    return std::string(verdict.vacuous == nullptr ? "" : verdict.vacuous);
  };

  BOOST_TEST(vacuous(UnitKind::add_bias, 1, 0, 1).starts_with("the bias is zero"));
  BOOST_TEST(vacuous(UnitKind::add_bias, 1, 2, 3) == "");
  BOOST_TEST(vacuous(UnitKind::clip_factor, 0.5, 1, 1).starts_with("the clip did not act"));
  BOOST_TEST(vacuous(UnitKind::sgd, 1, 0, 1).starts_with("the learning rate is zero"));
  BOOST_TEST(vacuous(UnitKind::sgd, 1, 0.5, 0.5) == "");
  BOOST_TEST(vacuous(UnitKind::cast, 0, 0, 0).starts_with("all is zero"));
  BOOST_TEST(vacuous(UnitKind::cast, 2, 0, 2) == "");
}

BOOST_AUTO_TEST_SUITE_END()
