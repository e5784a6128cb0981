#pragma once

// What every Device must do besides computing: move bits, order streams, tell errors. The including
// test program defines make_device().

#include <boost/test/unit_test.hpp>
#include <string>

#include "real/run/run_op.hpp"
#include "scenarios/errors.hpp"
#include "tests/contracts/device_under_test.hpp"

namespace shardproof::contract {

using real::KernelError;
using Bytes = std::vector<std::byte>;

/// Of a tensor of integers.
inline std::size_t bytes_of(std::int64_t elements) {
  return static_cast<std::size_t>(elements) * sizeof(std::int64_t);
}

BOOST_AUTO_TEST_SUITE(device_contract)

BOOST_AUTO_TEST_CASE(copy_and_zero_move_bits) {
  Device device;
  const auto x = device.tensor(Dtype::int64, {3}, {5, -100, 7});
  const auto y = device.output(Dtype::int64, {3});
  device->copy(x, y);
  BOOST_TEST(device.read(y) == (Values{5, -100, 7}), boost::test_tools::per_element());
  device->zero(y);
  BOOST_TEST(device.read(y) == (Values{0, 0, 0}), boost::test_tools::per_element());

  const auto nothing = device.output(Dtype::bf16, {0});
  device->copy(nothing, nothing);
  device->zero(nothing);
}

BOOST_AUTO_TEST_CASE(copies_of_other_dtypes_or_sizes_are_refused) {
  Device device;
  const auto x = device.output(Dtype::fp32, {2});
  BOOST_CHECK_THROW(device->copy(x, device.output(Dtype::fp32, {3})), InvariantError);
  BOOST_CHECK_THROW(device->copy(x, device.output(Dtype::bf16, {2})), InvariantError);
}

BOOST_AUTO_TEST_CASE(a_fill_sets_every_byte_and_all_ones_are_no_number) {
  Device device;
  for (const Dtype dtype : float_dtypes) {
    const auto y = device.tensor(dtype, {5}, Values(5, 1));
    device.memory().fill(real::stretch(y, 1, 3), std::byte{0xff}, Stream::compute);
    const Values got = device.read(y);
    BOOST_TEST(got[0] == 1);
    for (const std::size_t i : {1, 2, 3}) BOOST_TEST(std::isnan(got[i]));
    BOOST_TEST(got[4] == 1);
  }
}

// Rows of two out of rows of four, into rows of three.
BOOST_AUTO_TEST_CASE(copy_2d_takes_and_leaves_rows_at_their_pitches) {
  Device device;
  const auto x = device.tensor(Dtype::int64, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const auto y = device.tensor(Dtype::int64, {2, 3}, Values(6, -7));
  device.memory().copy_2d({.from = x.data + bytes_of(1),
                           .from_pitch = bytes_of(4),
                           .to = y.data,
                           .to_pitch = bytes_of(3),
                           .width = bytes_of(2),
                           .rows = 2},
                          Stream::compute);
  BOOST_TEST(device.read(y) == (Values{2, 3, -7, 6, 7, -7}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(copy_2d_of_bytes_that_align_with_nothing_and_of_nothing) {
  Device device;
  const auto x = device.tensor(Dtype::bf16, {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto y = device.tensor(Dtype::bf16, {3}, {0, 0, 0});
  device.memory().copy_2d({x.data + 2, 6, y.data, 2, 2, 3}, Stream::compute);
  BOOST_TEST(device.read(y) == (Values{2, 5, 8}), boost::test_tools::per_element());
  device.memory().copy_2d({x.data, 6, y.data, 2, 0, 3}, Stream::compute);
  device.memory().copy_2d({x.data, 6, y.data, 2, 2, 0}, Stream::compute);
  device.memory().copy_2d({nullptr, 0, nullptr, 0, 0, 3}, Stream::compute);
  BOOST_TEST(device.read(y) == (Values{2, 5, 8}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_hosts_bytes_may_change_as_soon_as_they_are_taken) {
  Device device;
  const auto y = device.output(Dtype::int64, {1000});
  Bytes host(y.bytes(), std::byte{1});
  device.memory().copy_from_host(host, y, Stream::compute);
  std::ranges::fill(host, std::byte{2});
  Bytes back(y.bytes());
  device.memory().copy_to_host(y, back, Stream::compute);
  device->synchronize();
  BOOST_TEST((back == Bytes(y.bytes(), std::byte{1})));
  BOOST_CHECK_THROW(device.memory().copy_from_host(Bytes(3), y, Stream::compute), InvariantError);
  BOOST_CHECK_THROW(device.memory().copy_to_host(y, back = Bytes(3), Stream::compute),
                    InvariantError);
}

// One stream writes, the other reads what it wrote, and the first may then write again: without the
// events a device whose streams run by themselves may read too early or too late.
BOOST_AUTO_TEST_CASE(a_stream_waits_for_an_event_of_the_other) {
  Device device;
  real::Device& on = device.memory();
  const Shape shape{1 << 18};
  const auto x = device.output(Dtype::int64, shape), y = device.output(Dtype::int64, shape);
  for (int round = 0; round < 4; ++round) {
    on.fill(x, std::byte(round), Stream::compute);
    on.wait(Stream::communication, on.record(Stream::compute));
    on.copy(x, y, Stream::communication);
    on.wait(Stream::compute, on.record(Stream::communication));
  }
  on.fill(x, std::byte{9}, Stream::compute);
  on.wait_on_host(on.record(Stream::communication));
  device->synchronize();
  Bytes back(y.bytes());
  on.copy_to_host(y, back, Stream::communication);
  device->synchronize();
  BOOST_TEST((back == Bytes(y.bytes(), std::byte{3})));
}

BOOST_AUTO_TEST_CASE(blocks_are_aligned_to_64_bytes) {
  Device device;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{1000}}) {
    std::byte* block = device->allocate(bytes);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(block) % 64 == 0U);
    device->release(block, bytes);
  }
}

BOOST_AUTO_TEST_CASE(a_fingerprint_is_the_same_every_time) {
  Device device;
  Device other;
  const std::string first = device->fingerprint();

  BOOST_TEST(!first.empty());
  BOOST_TEST(first == device->fingerprint());
  BOOST_TEST(first == other->fingerprint());
}

// ---- The error word ----------------------------------------------------------------------------

/// Calls a kernel on data that have no meaning: it must not throw, and the device tells it once.
template <class Call>
void expect_error(Device& device, KernelError::Code code, std::int64_t value, std::int64_t limit,
                  Call call) {
  device->synchronize();
  BOOST_CHECK_NO_THROW(call());
  const auto error = device.memory().synchronize();
  BOOST_TEST_REQUIRE(error.has_value());
  BOOST_TEST((error->code == code));
  BOOST_TEST(error->value == value);
  BOOST_TEST(error->limit == limit);
  BOOST_TEST(!device.memory().synchronize().has_value());
}

BOOST_AUTO_TEST_CASE(a_token_outside_the_vocabulary_is_told_at_the_next_synchronization_and_once) {
  Device device;
  const auto weight = device.tensor(Dtype::fp32, {3, 1}, {1, 2, 3});
  const auto y = device.output(Dtype::fp32, {1, 2, 1});
  for (const double token : {3.0, -1.0}) {
    const auto tokens = device.tensor(Dtype::int64, {1, 2}, {2, token});
    const auto value = static_cast<std::int64_t>(token);
    expect_error(device, KernelError::Code::token, value, 3,
                 [&] { device->embedding(weight, tokens, y); });
    expect_error(device, KernelError::Code::token, value, 3,
                 [&] { device->embedding_backward(y, tokens, weight); });
    device->embedding(weight, tokens, y);
    BOOST_CHECK_THROW(device->synchronize(), InvariantError);
  }
  const auto tokens = device.tensor(Dtype::int64, {1, 2}, {2, 0});
  device->embedding(weight, tokens, y);  // forgotten: the device goes on
  BOOST_CHECK_NO_THROW(device->synchronize());
}

BOOST_AUTO_TEST_CASE(the_first_of_several_errors_stays_with_the_tag_of_its_call) {
  Device device;
  const auto weight = device.tensor(Dtype::fp32, {3, 1}, {1, 2, 3});
  const auto y = device.output(Dtype::fp32, {1, 1, 1});
  const real::Kernel embedding = device.memory().kernels().find(OpKind::embedding);
  for (const std::int64_t tag : {7, 8, 9}) {
    const double token = tag == 7 ? 0 : static_cast<double>(tag);
    embedding(device.memory(), {.inputs = {weight, device.tensor(Dtype::int64, {1, 1}, {token})},
                                .outputs = {y},
                                .tag = tag});
  }
  const auto error = device.memory().synchronize();
  BOOST_TEST_REQUIRE(error.has_value());
  BOOST_TEST(error->tag == 8);
  BOOST_TEST(describe(*error) == "token 8 is not in [0, 3)");
}

BOOST_AUTO_TEST_CASE(a_label_beyond_the_vocabulary_is_told_and_one_below_zero_is_none) {
  Device device;
  const auto logits = device.tensor(Dtype::fp32, {1, 2, 3}, {1, 2, 3, 4, 5, 6});
  const auto dlogits = device.output(Dtype::fp32, {1, 2, 3});
  const auto loss = device.output(Dtype::fp32, {1});
  const auto labels = device.tensor(Dtype::int64, {1, 2}, {-100, 3});
  expect_error(device, KernelError::Code::label, 3, 3,
               [&] { device->cross_entropy(logits, labels, loss); });
  expect_error(device, KernelError::Code::label, 3, 3,
               [&] { device->cross_entropy_backward(logits, labels, nullptr, dlogits, 1); });
  expect_error(device, KernelError::Code::label, 3, 3,
               [&] { device->squared_error(logits, labels, loss); });
  expect_error(device, KernelError::Code::label, 3, 3,
               [&] { device->squared_error_backward(logits, labels, nullptr, dlogits, 1); });
  device->cross_entropy(logits, device.tensor(Dtype::int64, {1, 2}, {-100, 2}), loss);
  BOOST_CHECK_NO_THROW(device->synchronize());
}

// Three tokens, of four experts two each.
BOOST_AUTO_TEST_CASE(an_expert_that_there_is_not_and_rows_that_do_not_fit_are_told) {
  Device device;
  const auto x = device.tensor(Dtype::fp32, {1, 3, 2}, {1, 2, 3, 4, 5, 6});
  const auto selected = device.tensor(Dtype::int64, {1, 3, 2}, {2, 1, 0, 2, 2, 0});
  const auto beyond = device.tensor(Dtype::int64, {1, 3, 2}, {2, 1, 0, 2, 2, 4});
  const auto weights = device.tensor(Dtype::fp32, {1, 3, 2}, Values(6, 1));
  std::vector<TensorView> rows;
  for (const std::int64_t count : {2, 1, 3, 0})
    rows.push_back(device.output(Dtype::fp32, {count, 2}));
  const auto every = [&](const TensorView& chosen, KernelError::Code code, std::int64_t value,
                         std::int64_t limit) {
    const ExpertRows order = ExpertRows::by_token;
    expect_error(device, code, value, limit, [&] { device->moe_dispatch(x, chosen, rows, order); });
    expect_error(device, code, value, limit,
                 [&] { device->moe_combine(chosen, weights, rows, x, order); });
    expect_error(device, code, value, limit,
                 [&] { device->moe_dispatch_backward(chosen, rows, x, order); });
    expect_error(device, code, value, limit, [&] {
      device->moe_combine_backward(x, chosen, weights, rows, weights, rows, order);
    });
  };
  every(beyond, KernelError::Code::expert, 4, 4);
  const auto logits = device.tensor(Dtype::fp32, {1, 3, 4}, Values(12, 1));
  expect_error(device, KernelError::Code::expert, 4, 4, [&] {
    device->route_backward(weights, logits, beyond, logits, RouteForm::scaled, 1);
  });
  std::swap(rows[0], rows[1]);
  every(selected, KernelError::Code::rows, 2, 1);
}

// ---- The table ---------------------------------------------------------------------------------

/// Each that is missing is named.
BOOST_AUTO_TEST_CASE(it_lacks_no_kernel) {
  Device device;
  for (const OpRow& row : op_table())
    if (const auto kernel = real::kernel_of(row.kind))
      BOOST_TEST((device.memory().kernels().find(*kernel) != nullptr),
                 device.memory().name() << " lacks " << name_of(*kernel));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
