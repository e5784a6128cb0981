// Features by heads and blocks, weights (I, O): worked out by hand.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "reference/bounds/replay.hpp"
#include "reference/models/graph.hpp"
#include "reference/ops/tape.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {
namespace {

struct Argument {
  Shape shape;
  std::vector<double> values;
};
constexpr UnitPrecision bf16{.output = Dtype::bf16, .compute = Dtype::fp32, .hop = Dtype::bf16};
constexpr double u = 0x1p-24, v = 0x1p-8, inflation = 1 + 0x1p-20;

UnitResult run(UnitKind kind, const std::vector<Argument>& arguments,
               const UnitAttributes& attributes, const UnitPrecision& precision = bf16) {
  std::vector<Operand> operands;
  for (const Argument& argument : arguments) operands.push_back({argument.shape, argument.values});
  return replay(kind, attributes, precision, operands);
}
void expect(const UnitResult& result, const Shape& shape, const std::vector<double>& values) {
  BOOST_TEST((result.shape == shape), to_string(result.shape));
  BOOST_TEST(result.value == values, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE(replay_heads)

BOOST_AUTO_TEST_CASE(a_split_takes_its_part_of_every_head) {
  const Argument x{{1, 1, 6}, {1, 2, 3, 4, 5, 6}};
  const auto part = [&](std::vector<std::int64_t> parts, std::int64_t k) {
    return run(UnitKind::split, {x}, {.parts = std::move(parts), .part = k});
  };
  expect(part({2, 1}, 0), {1, 1, 4}, {1, 2, 4, 5});  // two heads
  expect(part({2, 1}, 1), {1, 1, 2}, {3, 6});
  expect(part({4, 2}, 0), {1, 1, 4}, {1, 2, 3, 4});  // one, of two blocks
  expect(part({4, 2}, 1), {1, 1, 2}, {5, 6});
  expect(part({6, 0}, 1), {1, 1, 0}, {});
  BOOST_TEST(part({4, 2}, 1).bound.empty());
  BOOST_CHECK_THROW(part({4, 3}, 0), InvariantError);
}

BOOST_AUTO_TEST_CASE(a_join_puts_the_parts_of_every_head_together) {
  const Argument four{{1, 1, 4}, {1, 2, 4, 5}}, two{{1, 1, 2}, {3, 6}};
  expect(run(UnitKind::join, {four, two}, {.parts = {2, 1}}), {1, 1, 6}, {1, 2, 3, 4, 5, 6});
  expect(run(UnitKind::join, {four, two}, {.parts = {4, 2}}), {1, 1, 6}, {1, 2, 4, 5, 3, 6});
  BOOST_CHECK_THROW(run(UnitKind::join, {four, two}, {.parts = {1, 1}}), InvariantError);
  BOOST_CHECK_THROW(run(UnitKind::join, {four}, {.parts = {2, 1}}), InvariantError);
}

BOOST_AUTO_TEST_CASE(heads_are_repeated_and_summed) {
  expect(run(UnitKind::repeat_heads, {{{2, 1, 2}, {1, 2, 3, 4}}}, {.extent = 2}), {2, 1, 4},
         {1, 2, 1, 2, 3, 4, 3, 4});
  const Argument x{{1, 1, 6}, {1, 2, -4, 8, 16, 32}};
  const UnitResult sum = run(UnitKind::sum_heads, {x}, {.head_dim = 2});
  expect(sum, {1, 1, 2}, {13, 42});
  BOOST_TEST(std::fabs(sum.bound[0] - 2 * u * 21 * inflation) < 1e-12);  // |1| + |-4| + |16|
  BOOST_TEST(std::fabs(sum.bound[1] - 2 * u * 42 * inflation) < 1e-12);
  expect(run(UnitKind::sum_heads, {{{1, 3, 0}, {}}}, {.head_dim = 2}), {1, 3, 2},
         {0, 0, 0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(heads_summed_on_two_ranks_are_rounded_on_each) {
  UnitPrecision two = bf16;
  two.partials = 2;
  const UnitResult sum = run(UnitKind::sum_heads, {{{1, 1, 2}, {3, 5}}}, {.head_dim = 1}, two);
  const double local = u * 8;
  BOOST_TEST(std::fabs(sum.bound[0] - (local + v * (8 + local)) * inflation) < 1e-12);
}

// Two heads of one feature, normed each by itself: X = x / sqrt(x^2 + 0) = 1.
BOOST_AUTO_TEST_CASE(a_norm_of_heads_cut_over_two_ranks_has_two_rounded_partial_gradients) {
  const Argument dy{{1, 1, 2}, {3, -5}}, x{{1, 1, 2}, {2, 4}};
  const UnitAttributes of_heads{.extent = 1};
  const UnitResult one = run(UnitKind::rms_norm_backward_weight, {dy, x}, of_heads);
  UnitPrecision two = bf16;
  two.partials = 2;

  const UnitResult cut = run(UnitKind::rms_norm_backward_weight, {dy, x}, of_heads, two);

  expect(cut, {1}, {-2});
  const double local = one.bound[0] / inflation;  // S = |3| + |-5|
  BOOST_TEST(std::fabs(cut.bound[0] - (local + v * (8 + local)) * inflation) < 1e-12);
}

BOOST_AUTO_TEST_CASE(positions_count_from_zero) {
  const UnitPrecision integers{.output = Dtype::int64};
  expect(run(UnitKind::positions, {{{2, 3}, {9, 9, 9, 9, 9, 9}}}, {}, integers), {2, 3},
         {0, 1, 2, 0, 1, 2});
  expect(run(UnitKind::positions, {{{2, 2}, {9, 9, 9, 9}}}, {.offset = 2}, integers), {2, 2},
         {2, 3, 2, 3});
}

BOOST_AUTO_TEST_CASE(a_weight_in_out_is_not_transposed) {
  const UnitAttributes in_out{.weight_layout = WeightLayout::in_out};
  const Argument x{{1, 2}, {1, 10}}, weight{{2, 3}, {1, 2, 3, 4, 5, 6}}, dy{{1, 3}, {1, 10, 100}};
  expect(run(UnitKind::matmul, {x, weight}, in_out), {1, 3}, {41, 52, 63});
  expect(run(UnitKind::matmul_backward_input, {dy, weight}, in_out), {1, 2}, {321, 654});
  expect(run(UnitKind::matmul_backward_weight, {dy, x}, in_out), {2, 3},
         {1, 10, 100, 10, 100, 1000});
  BOOST_CHECK_THROW(run(UnitKind::matmul, {x, weight}, {}), InvariantError);
}

BOOST_AUTO_TEST_CASE(a_product_of_no_features_is_zero_and_of_no_outputs_nothing) {
  const Argument nothing{{2, 0}, {}}, x{{2, 3}, {1, 2, 3, 4, 5, 6}};
  expect(run(UnitKind::matmul, {nothing, {{3, 0}, {}}}, {}), {2, 3}, {0, 0, 0, 0, 0, 0});
  expect(run(UnitKind::matmul, {x, {{0, 3}, {}}}, {}), {2, 0}, {});
  expect(run(UnitKind::matmul_backward_input, {nothing, {{0, 3}, {}}}, {}), {2, 3},
         {0, 0, 0, 0, 0, 0});
  expect(run(UnitKind::matmul_backward_weight, {nothing, x}, {}), {0, 3}, {});
  expect(run(UnitKind::matmul_backward_weight, {x, nothing}, {}), {3, 0}, {});
  expect(run(UnitKind::bias_backward, {nothing}, {}), {0}, {});
}

BOOST_AUTO_TEST_CASE(the_tape_gives_each_part_back_to_where_it_came_from) {
  Tape tape(1);
  const Variable x = tape.leaf(Tensor({1, 1, 6}, {1, 2, 3, 4, 5, 6}));
  const std::vector<Variable> parts = tape.split(x, {2, 1});
  const Variable repeated = tape.repeat_heads(parts[1], 2);  // (3, 6, 3, 6)
  const Variable y = tape.join({parts[0], repeated}, {2, 2});
  BOOST_TEST(tape.value(y).values == (std::vector<double>{1, 2, 3, 6, 4, 5, 3, 6}),
             boost::test_tools::per_element());

  tape.backward(y, Tensor({1, 1, 8}, {1, 2, 10, 20, 3, 4, 100, 200}));

  BOOST_TEST(tape.gradient(x).values == (std::vector<double>{1, 2, 110, 3, 4, 220}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reference
