#pragma once

// What the kernels of every device must compute, continued: features taken apart by heads or
// blocks, weights that lie the other way round, and ranks that hold nothing. The including program
// defines make_device().

#include <boost/test/unit_test.hpp>
#include <numeric>
#include <random>

#include "scenarios/errors.hpp"
#include "tests/contracts/device_under_test.hpp"
#include "tests/contracts/naive_ops.hpp"

namespace shardproof::contract {

using Parts = std::vector<std::int64_t>;

/// Part k of a (rows, heads * sum of parts) tensor, by its definition.
inline Values naive_part(const Values& x, std::int64_t rows, std::int64_t heads, const Parts& parts,
                         std::size_t k) {
  const std::int64_t width = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  const std::int64_t begin = std::accumulate(
      parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(k), std::int64_t{0});
  Values part;
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t i = begin; i < begin + parts[k]; ++i)
        part.push_back(at(x, (row * heads + head) * width + i));
  return part;
}

BOOST_AUTO_TEST_SUITE(kernel_heads_contract)

BOOST_AUTO_TEST_CASE(positions_count_from_zero_in_each_row) {
  Device device;
  const auto y = device.output(Dtype::int64, {2, 3});
  device->positions(y);
  BOOST_TEST(device.read(y) == (Values{0, 1, 2, 0, 1, 2}), boost::test_tools::per_element());
  device->positions(device.output(Dtype::int64, {2, 0}));
  device->positions(y, 2);
  BOOST_TEST(device.read(y) == (Values{2, 3, 4, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(blocks_are_split_one_after_another_and_heads_each_by_itself) {
  Device device;
  const auto x = device.tensor(Dtype::bf16, {1, 2, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const auto four = device.output(Dtype::bf16, {1, 2, 4});
  const auto two = device.output(Dtype::bf16, {1, 2, 2});
  device->split(x, std::vector{four, two}, Parts{4, 2});
  BOOST_TEST(device.read(four) == (Values{1, 2, 3, 4, 7, 8, 9, 10}),
             boost::test_tools::per_element());
  BOOST_TEST(device.read(two) == (Values{5, 6, 11, 12}), boost::test_tools::per_element());

  // The same features as two heads of (2, 1).
  device->split(x, std::vector{four, two}, Parts{2, 1});
  BOOST_TEST(device.read(four) == (Values{1, 2, 4, 5, 7, 8, 10, 11}),
             boost::test_tools::per_element());
  BOOST_TEST(device.read(two) == (Values{3, 6, 9, 12}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_split_is_its_definition_and_join_its_inverse) {
  std::mt19937_64 random(2718);
  BOOST_TEST_MESSAGE("seed 2718");
  for (int trial = 0; trial < 40; ++trial)
    for (const Dtype dtype : float_dtypes) {
      Device device;
      const auto draw = [&](std::int64_t from, std::int64_t to) {
        return from +
               static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(to - from + 1));
      };
      const std::int64_t B = draw(1, 2), T = draw(1, 4), heads = draw(1, 4);
      Parts parts(static_cast<std::size_t>(draw(1, 4)));
      for (std::int64_t& part : parts) part = draw(0, 5);
      parts.front() += 1;
      const std::int64_t width = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
      const Shape shape{B, T, heads * width};
      const Values x = random_values(dtype, shape, random());
      std::vector<TensorView> outputs;
      for (const std::int64_t part : parts)
        outputs.push_back(device.output(dtype, {B, T, heads * part}));

      device->split(device.tensor(dtype, shape, x), outputs, parts);

      for (std::size_t k = 0; k < parts.size(); ++k)
        BOOST_TEST(device.read(outputs[k]) == naive_part(x, B * T, heads, parts, k));
      const auto again = device.output(dtype, shape);
      device->join(outputs, again, parts);
      BOOST_TEST(device.read(again) == x);
    }
}

BOOST_AUTO_TEST_CASE(parts_that_do_not_fit_are_refused) {
  Device device;
  const auto x = device.tensor(Dtype::fp32, {1, 6}, Values(6, 1));
  const auto three = device.output(Dtype::fp32, {1, 3});
  const auto two = device.output(Dtype::fp32, {1, 2});
  const auto narrow = device.output(Dtype::bf16, {1, 3});
  BOOST_CHECK_THROW(device->split(x, std::vector{three, two}, Parts{3, 2}), InvariantError);
  BOOST_CHECK_THROW(device->split(x, std::vector{three, two}, Parts{3, 3}), InvariantError);
  BOOST_CHECK_THROW(device->split(x, std::vector{three}, Parts{3, 3}), InvariantError);
  BOOST_CHECK_THROW(device->split(x, std::vector{three, narrow}, Parts{3, 3}), InvariantError);
  BOOST_CHECK_THROW(device->join(std::vector{three, two}, x, Parts{3, 3}), InvariantError);
  BOOST_CHECK_THROW(device->repeat_heads(x, device.output(Dtype::fp32, {1, 8})), InvariantError);
  BOOST_CHECK_THROW(device->sum_heads(x, device.output(Dtype::fp32, {1, 4})), InvariantError);
}

BOOST_AUTO_TEST_CASE(features_are_repeated_for_every_head_and_summed_back) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto x = device.tensor(dtype, {1, 2, 2}, {1, 2, 3, -0.0});
    const auto y = device.output(dtype, {1, 2, 6});
    device->repeat_heads(x, y);
    BOOST_TEST(device.read(y) == (Values{1, 2, 1, 2, 1, 2, 3, 0, 3, 0, 3, 0}),
               boost::test_tools::per_element());

    const auto sum = device.output(dtype, {1, 2, 2});
    device->sum_heads(y, sum);
    BOOST_TEST(device.read(sum) == (Values{3, 6, 9, 0}), boost::test_tools::per_element());
    BOOST_TEST(std::signbit(device.read(sum)[3]));  // three times -0
  }
}

BOOST_AUTO_TEST_CASE(heads_are_summed_in_the_compute_dtype) {
  Device device;
  // 256 + 1 is a tie of bf16: rounding at each addition would lose both ones.
  const auto narrow = device.output(Dtype::bf16, {1, 1});
  device->sum_heads(device.tensor(Dtype::bf16, {1, 3}, {256, 1, 1}), narrow);
  BOOST_TEST(device.read(narrow)[0] == 258.0);
}

// A weight (I, O) gives what its transpose (O, I) gives, up to the order of the sums: products of
// small integers are exact in any order.
BOOST_AUTO_TEST_CASE(a_weight_in_out_gives_what_its_transpose_gives) {
  constexpr std::int64_t M = 5, I = 7, O = 3;
  const auto integers = [](std::int64_t count, int seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    Values values(static_cast<std::size_t>(count));
    for (double& value : values) value = static_cast<double>(random() % 7) - 3;
    return values;
  };
  const auto transposed = [](const Values& w, std::int64_t rows, std::int64_t columns) {
    Values t;
    for (std::int64_t c = 0; c < columns; ++c)
      for (std::int64_t r = 0; r < rows; ++r) t.push_back(at(w, r * columns + c));
    return t;
  };
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const Values w = integers(O * I, 1);
    const auto x = device.tensor(dtype, {M, I}, integers(M * I, 2));
    const auto dy = device.tensor(dtype, {M, O}, integers(M * O, 3));
    const auto out_in = device.tensor(dtype, {O, I}, w);
    const auto in_out = device.tensor(dtype, {I, O}, transposed(w, O, I));
    const auto y = device.output(dtype, {M, O}), y_too = device.output(dtype, {M, O});
    const auto dx = device.output(dtype, {M, I}), dx_too = device.output(dtype, {M, I});
    const auto dw = device.output(dtype, {O, I}), dw_too = device.output(dtype, {I, O});

    device->matmul(x, out_in, y);
    device->matmul(x, in_out, y_too, WeightLayout::in_out);
    device->matmul_backward_input(dy, out_in, dx);
    device->matmul_backward_input(dy, in_out, dx_too, WeightLayout::in_out);
    device->matmul_backward_weight(dy, x, dw);
    device->matmul_backward_weight(dy, x, dw_too, WeightLayout::in_out);

    BOOST_TEST(device.read(y_too) == device.read(y), boost::test_tools::per_element());
    BOOST_TEST(device.read(dx_too) == device.read(dx), boost::test_tools::per_element());
    BOOST_TEST(device.read(dw_too) == transposed(device.read(dw), O, I),
               boost::test_tools::per_element());
    BOOST_CHECK_THROW(device->matmul(x, out_in, y, WeightLayout::in_out), InvariantError);
  }
}

BOOST_AUTO_TEST_CASE(a_rank_without_features_computes_nothing_and_adds_nothing) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const Shape none{2, 3, 0}, some{2, 3, 4};
    const auto x = device.tensor(dtype, some, Values(24, 1));
    const auto nothing = device.tensor(dtype, none, {});
    for (const WeightLayout layout : {WeightLayout::out_in, WeightLayout::in_out}) {
      const bool out_in = layout == WeightLayout::out_in;
      const Shape column = out_in ? Shape{0, 4} : Shape{4, 0};
      const Shape row = out_in ? Shape{4, 0} : Shape{0, 4};
      const auto partial = device.output(dtype, some);
      device->matmul(x, device.tensor(dtype, column, {}), device.output(dtype, none), layout);
      device->matmul(nothing, device.tensor(dtype, row, {}), partial, layout);
      BOOST_TEST(device.read(partial) == Values(24, 0), boost::test_tools::per_element());
      const auto partial_gradient = device.output(dtype, some);
      device->matmul_backward_input(nothing, device.tensor(dtype, column, {}), partial_gradient,
                                    layout);
      BOOST_TEST(device.read(partial_gradient) == Values(24, 0), boost::test_tools::per_element());
      device->matmul_backward_weight(nothing, x, device.output(dtype, column), layout);
      device->matmul_backward_weight(x, nothing, device.output(dtype, row), layout);
    }
    const auto no_bias = device.tensor(dtype, {0}, {});
    device->add_bias(nothing, no_bias, nothing);
    device->bias_backward(nothing, no_bias);
    device->swiglu(nothing, nothing, nothing);
    device->swiglu_backward(nothing, nothing, nothing, nothing, device.output(dtype, none));
    device->add(nothing, nothing, nothing);
    device->gelu(nothing, nothing, GeluForm::tanh);
    device->gelu_backward(nothing, nothing, nothing, GeluForm::tanh);
    device->split(nothing, std::vector{nothing, nothing}, Parts{0, 0});
    device->split(nothing, std::vector{nothing, nothing}, Parts{2, 1});
    device->join(std::vector{nothing, nothing}, nothing, Parts{0, 0});
    device->repeat_heads(x, nothing);
    const auto sum = device.output(dtype, some);
    device->sum_heads(nothing, sum);
    BOOST_TEST(device.read(sum) == Values(24, 0), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
