#pragma once

// What a device promises beyond the contract if its sums run from first to last: the bits that
// follow. No other device need pass this; the judge accepts any order. The including test program
// defines make_device().

#include <boost/test/unit_test.hpp>

#include "tests/contracts/device_under_test.hpp"

namespace shardproof::contract {

// In fp32, 2^24 + 1 is a tie and goes to 2^24; 1 + 1 first gives 2^24 + 2.
inline const std::pair<Values, double> sums_of_three[] = {{{0x1p24, 1, 1}, 0x1p24},
                                                          {{1, 1, 0x1p24}, 0x1p24 + 2}};

BOOST_AUTO_TEST_SUITE(kernel_order_contract)

BOOST_AUTO_TEST_CASE(embedding_gradients_are_summed_in_the_order_of_the_tokens) {
  Device device;
  const auto tokens = device.tensor(Dtype::int64, {1, 3}, {0, 0, 0});
  const auto dweight = device.output(Dtype::fp32, {1, 1});
  for (const auto& [terms, sum] : sums_of_three) {
    device->embedding_backward(device.tensor(Dtype::fp32, {1, 3, 1}, terms), tokens, dweight);
    BOOST_TEST(device.read(dweight)[0] == sum);
  }
}

BOOST_AUTO_TEST_CASE(heads_are_summed_from_first_to_last) {
  Device device;
  const auto y = device.output(Dtype::fp32, {1, 1});
  for (const auto& [terms, sum] : sums_of_three) {
    device->sum_heads(device.tensor(Dtype::fp32, {1, 3}, terms), y);
    BOOST_TEST(device.read(y)[0] == sum);
  }
}

BOOST_AUTO_TEST_CASE(bias_gradients_are_summed_from_the_first_row_to_the_last) {
  Device device;
  const auto dbias = device.output(Dtype::fp32, {1});
  for (const auto& [terms, sum] : sums_of_three) {
    device->bias_backward(device.tensor(Dtype::fp32, {3, 1}, terms), dbias);
    BOOST_TEST(device.read(dbias)[0] == sum);
  }
}

// In fp64, 2^54 + 1 goes to 2^54; 1 + 1 + 1 first gives 2^54 + 4.
BOOST_AUTO_TEST_CASE(squares_are_summed_tensor_after_tensor_from_first_to_last) {
  Device device;
  const auto total = device.output(Dtype::fp64, {1});
  const tests::Kernels::Ranges big{device.tensor(Dtype::fp32, {1}, {0x1p27}), {{0, 1}}};
  const tests::Kernels::Ranges ones{device.tensor(Dtype::fp32, {3}, {1, 1, 1}), {{0, 3}}};
  device->sum_of_squares({big, ones}, total);
  BOOST_TEST(device.read(total)[0] == 0x1p54);
  device->sum_of_squares({ones, big}, total);
  BOOST_TEST(device.read(total)[0] == 0x1p54 + 4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
