#pragma once

// Sizes that are more than one block of threads, one tile or one launch of a GPU can hold, and odd:
// a device must agree with the CPU there, which the other contracts hold to naive sums of smaller
// ones. The including program defines make_device().

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "real/cpu/device.hpp"
#include "tests/contracts/device_under_test.hpp"

namespace shardproof::contract {

/// Calls run(device), which gives what it read, for the device and for the CPU.
template <class Run>
void expect_as_on_the_cpu(Dtype dtype, Run run) {
  Device device, cpu(std::make_unique<real::CpuDevice>());
  const std::vector<Values> got = run(device), expected = run(cpu);
  const double tolerance =
      2 * unit_roundoff(dtype) + 1000 * unit_roundoff(compute_of(dtype));  // of the largest
  BOOST_REQUIRE(got.size() == expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    BOOST_REQUIRE(got[k].size() == expected[k].size());
    double largest = 0;
    for (const double value : expected[k]) largest = std::max(largest, std::fabs(value));
    for (std::size_t i = 0; i < got[k].size(); ++i)
      if (!(std::fabs(got[k][i] - expected[k][i]) <= tolerance * largest)) {
        BOOST_ERROR("result " << k << " [" << i << "] is " << got[k][i] << ", on the CPU "
                              << expected[k][i]);
        break;
      }
  }
}

BOOST_AUTO_TEST_SUITE(kernel_sizes_contract)

BOOST_AUTO_TEST_CASE(products_of_several_tiles_in_both_layouts) {
  constexpr std::int64_t rows = 67, I = 129, O = 35;
  for (const Dtype dtype : float_dtypes)
    for (const WeightLayout layout : {WeightLayout::out_in, WeightLayout::in_out}) {
      const Shape of_weight = layout == WeightLayout::out_in ? Shape{O, I} : Shape{I, O};
      expect_as_on_the_cpu(dtype, [&](Device& device) {
        const auto x = device.tensor(dtype, {rows, I}, random_values(dtype, {rows, I}, 1));
        const auto w = device.tensor(dtype, of_weight, random_values(dtype, of_weight, 2));
        const auto dy = device.tensor(dtype, {rows, O}, random_values(dtype, {rows, O}, 3));
        const auto y = device.output(dtype, {rows, O}), dx = device.output(dtype, {rows, I}),
                   dw = device.output(dtype, of_weight);
        device->matmul(x, w, y, layout);
        device->matmul_backward_input(dy, w, dx, layout);
        device->matmul_backward_weight(dy, x, dw, layout);
        return std::vector{device.read(y), device.read(dx), device.read(dw)};
      });
    }
}

// A tensor that begins at no more than its own element's multiple.
BOOST_AUTO_TEST_CASE(products_of_tensors_that_begin_anywhere) {
  for (const Dtype dtype : float_dtypes)
    expect_as_on_the_cpu(dtype, [&](Device& device) {
      const auto part = [&](const Shape& shape, std::uint64_t seed) {
        const std::int64_t count = element_count(shape);
        TensorView x = real::stretch(
            device.tensor(dtype, {count + 1}, random_values(dtype, {count + 1}, seed)), 1, count);
        x.shape = shape;
        return x;
      };
      const auto y = part({5, 3}, 1);
      device->matmul(part({5, 7}, 2), part({3, 7}, 3), y);
      return std::vector<Values>{device.read(y)};
    });
}

BOOST_AUTO_TEST_CASE(attention_over_more_keys_and_features_than_a_block_has_threads) {
  struct Extents {
    std::int64_t B, T, h, hk;
    AttentionForm form;
  };
  for (const auto& [B, T, h, hk, form] :
       {Extents{2, 131, 2, 1, {.head_dim = 3, .v_head_dim = 5}},
        Extents{1, 140, 1, 1, {.head_dim = 2, .v_head_dim = 130}},
        Extents{1, 9, 2, 1, {.head_dim = 257, .v_head_dim = 3, .window = 4}},
        Extents{1, 290, 1, 1, {.head_dim = 2, .window = 130}}}) {
    const std::int64_t vd = form.value_dim();
    const Shape of_q = {B, T, h * form.head_dim}, of_k = {B, T, hk * form.head_dim};
    const Shape of_v = {B, T, hk * vd}, of_o = {B, T, h * vd};
    expect_as_on_the_cpu(Dtype::fp64, [&](Device& device) {
      const auto random = [&](const Shape& shape, std::uint64_t seed) {
        return device.tensor(Dtype::fp64, shape, random_values(Dtype::fp64, shape, seed));
      };
      const auto result = [&](const Shape& shape) { return device.output(Dtype::fp64, shape); };
      const auto q = random(of_q, 1), k = random(of_k, 2), v = random(of_v, 3),
                 dout = random(of_o, 4);
      const auto o = result(of_o), lse = result({B, h, T});
      const auto dq = result(of_q), dk = result(of_k), dv = result(of_v);
      device->attention(q, k, v, nullptr, o, lse, form);
      device->attention_backward(dout, q, k, v, o, lse, nullptr, dq, dk, dv, form);
      return std::vector{device.read(o), device.read(lse), device.read(dq), device.read(dk),
                         device.read(dv)};
    });
  }
}

BOOST_AUTO_TEST_CASE(experts_beyond_one_table_and_tokens_beyond_one_block) {
  constexpr std::int64_t tokens = 131, experts = 67, choices = 3, width = 130;
  const Shape of_choices = {1, tokens, choices}, of_x = {1, tokens, width};
  const Values logits = random_values(Dtype::fp64, {1, tokens, experts}, 1);
  for (const ExpertRows order : {ExpertRows::by_choice, ExpertRows::by_token})
    expect_as_on_the_cpu(Dtype::fp64, [&](Device& device) {
      const auto random = [&](const Shape& shape, std::uint64_t seed) {
        return device.tensor(Dtype::fp64, shape, random_values(Dtype::fp64, shape, seed));
      };
      const auto result = [&](const Shape& shape) { return device.output(Dtype::fp64, shape); };
      const auto z = device.tensor(Dtype::fp64, {1, tokens, experts}, logits);
      const auto selected = device.output(Dtype::int64, of_choices);
      const auto weights = result(of_choices), dz = result(z.shape);
      device->route(z, selected, weights, RouteForm::scaled, 2.5);
      device->route_backward(random(of_choices, 2), z, selected, dz, RouteForm::scaled, 2.5);

      const Values chosen = device.read(selected);
      std::vector<TensorView> rows, drows;
      for (std::int64_t e = 0; e < experts; ++e) {
        const Shape shape = {std::ranges::count(chosen, static_cast<double>(e)), width};
        rows.push_back(result(shape));
        drows.push_back(result(shape));
      }
      const auto y = result(of_x), dx = result(of_x), dweights = result(of_choices);
      device->moe_dispatch(random(of_x, 3), selected, rows, order);
      device->moe_combine(selected, weights, rows, y, order);
      device->moe_combine_backward(random(of_x, 4), selected, weights, rows, dweights, drows,
                                   order);
      device->moe_dispatch_backward(selected, drows, dx, order);
      std::vector<Values> all{chosen,         device.read(weights), device.read(dz),
                              device.read(y), device.read(dx),      device.read(dweights)};
      for (const TensorView& of_expert : rows) all.push_back(device.read(of_expert));
      return all;
    });
}

BOOST_AUTO_TEST_CASE(losses_of_more_rows_than_a_launch_has_blocks) {
  for (const auto& [rows, V] : {std::pair<std::int64_t, std::int64_t>{5, 301},
                                std::pair<std::int64_t, std::int64_t>{4099, 3}}) {
    Values labels;
    for (std::int64_t row = 0; row < rows; ++row)
      labels.push_back(static_cast<double>(row % (V + 1) - 1));
    const Shape shape = {1, rows, V};
    expect_as_on_the_cpu(Dtype::fp64, [&](Device& device) {
      const auto logits = device.tensor(Dtype::fp64, shape, random_values(Dtype::fp64, shape, 1));
      const auto of_rows = device.tensor(Dtype::int64, {1, rows}, labels);
      const auto loss = device.output(Dtype::fp64, {1}),
                 dlogits = device.output(Dtype::fp64, shape);
      device->cross_entropy(logits, of_rows, loss);
      device->cross_entropy_backward(logits, of_rows, nullptr, dlogits, 0.3);
      std::vector<Values> all{device.read(loss), device.read(dlogits)};
      device->squared_error(logits, of_rows, loss);
      device->squared_error_backward(logits, of_rows, nullptr, dlogits, 0.3);
      all.insert(all.end(), {device.read(loss), device.read(dlogits)});
      return all;
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
