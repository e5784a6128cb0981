// The pinned orders over threads: no MPI, so that a failure here is one of the order.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "real/comm/collective.hpp"
#include "real/comm/rank_order.hpp"
#include "real/comm/ring.hpp"
#include "scenarios/errors.hpp"
#include "tests/real/thread_channel.hpp"

namespace shardproof::real {

namespace {
using Floats = std::vector<float>;

std::span<std::byte> bytes_of(Floats& values) { return std::as_writable_bytes(std::span(values)); }

/// values[r] is member r's buffer, and its result afterwards.
template <class AllReduce>
void run(std::vector<Floats>& values, AllReduce all_reduce) {
  for_each_member(static_cast<int>(values.size()), [&](ThreadChannel& channel) {
    all_reduce(channel, Combine::sum, Dtype::fp32,
               bytes_of(values[static_cast<std::size_t>(channel.rank().value)]));
  });
}
}  // namespace

BOOST_AUTO_TEST_SUITE(comm_orders)

// 2^24 + 1 is a tie and goes to 2^24; 1 + 1 first gives 2^24 + 2.
BOOST_AUTO_TEST_CASE(rank_order_adds_from_the_first_rank_to_the_last) {
  std::vector<Floats> late = {{0x1p24F}, {1}, {1}};
  std::vector<Floats> early = {{1}, {1}, {0x1p24F}};

  run(late, rank_order_all_reduce);
  run(early, rank_order_all_reduce);

  for (const Floats& member : late) BOOST_TEST(member[0] == 0x1p24F);
  for (const Floats& member : early) BOOST_TEST(member[0] == 0x1p24F + 2);
}

BOOST_AUTO_TEST_CASE(the_ring_starts_chunk_c_one_rank_above_c) {
  const std::vector<Floats> by_big_rank[3] = {{{0x1p24F, 0x1p24F, 0x1p24F}, {1, 1, 1}, {1, 1, 1}},
                                              {{1, 1, 1}, {0x1p24F, 0x1p24F, 0x1p24F}, {1, 1, 1}},
                                              {{1, 1, 1}, {1, 1, 1}, {0x1p24F, 0x1p24F, 0x1p24F}}};
  for (std::size_t big = 0; big < 3; ++big) {
    std::vector<Floats> values = by_big_rank[big];

    run(values, ring_all_reduce);

    // Chunk c ends at rank c: only there is the big number added last.
    Floats expected(3, 0x1p24F);
    expected[big] += 2;
    for (const Floats& member : values)
      BOOST_TEST(member == expected, boost::test_tools::per_element());
  }
}

// In a ring of three element 0 is added last on rank 0, so that the big number swallows nothing.
BOOST_AUTO_TEST_CASE(elements_that_have_no_place_are_added_in_rank_order_in_a_ring_too) {
  const auto sum_of = [](std::vector<Stretch> in_rank_order) {
    std::vector<Floats> values{{0x1p24F, 0x1p24F, 0x1p24F}, {1, 1, 1}, {1, 1, 1}};
    std::vector<Floats> sums(3, Floats(3));
    for_each_member(3, [&](ThreadChannel& channel) {
      const auto member = static_cast<std::size_t>(channel.rank().value);
      const auto view = [](Floats& floats) {
        return TensorView{Dtype::fp32, {3}, bytes_of(floats).data()};
      };
      CollectiveRequest request;
      request.input = view(values[member]);
      request.output = view(sums[member]);
      request.in_rank_order = in_rank_order;
      run_collective(channel, ReductionOrder::ring, 0, request);
    });
    BOOST_TEST((sums[1] == sums[0] && sums[2] == sums[0]));
    return sums[0];
  };
  constexpr float all = 0x1p24F + 2, swallowed = 0x1p24F;

  BOOST_TEST(sum_of({}) == (Floats{all, swallowed, swallowed}), boost::test_tools::per_element());
  BOOST_TEST(sum_of({{0, 1}, {2, 1}}) == (Floats(3, swallowed)), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_ring_of_fewer_elements_than_members_has_empty_chunks) {
  std::vector<Floats> values = {{1, 10}, {2, 20}, {3, 30}, {4, 40}, {5, 50}};

  run(values, ring_all_reduce);

  for (const Floats& member : values) {
    BOOST_TEST(member[0] == 15.0F);
    BOOST_TEST(member[1] == 150.0F);
  }
}

BOOST_AUTO_TEST_CASE(a_ring_sends_each_element_twice_less_one_nth) {
  constexpr int n = 4;
  constexpr std::size_t N = 64;
  std::vector<std::size_t> sent(n);
  for_each_member(n, [&](ThreadChannel& channel) {
    Floats values(N, 1);
    ring_all_reduce(channel, Combine::sum, Dtype::fp32, bytes_of(values));
    sent[static_cast<std::size_t>(channel.rank().value)] = channel.bytes_sent;
  });

  for (const std::size_t bytes : sent) BOOST_TEST(bytes == 2 * (n - 1) * N / n * sizeof(float));
}

BOOST_AUTO_TEST_CASE(a_gather_puts_the_members_in_order) {
  std::vector<Floats> gathered(3, Floats(6));
  for_each_member(3, [&](ThreadChannel& channel) {
    const int r = channel.rank().value;
    const Floats own = {static_cast<float>(r), static_cast<float>(10 * r)};
    ring_all_gather(channel, std::as_bytes(std::span(own)),
                    bytes_of(gathered[static_cast<std::size_t>(r)]));
  });

  const Floats expected = {0, 0, 1, 10, 2, 20};
  for (const Floats& member : gathered)
    BOOST_TEST(member == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_maximum_keeps_nan_and_the_earlier_of_two_zeros) {
  Floats own = {1, NAN, 2, 0.0F, -INFINITY};
  const Floats earlier = {2, 1, NAN, -0.0F, -INFINITY};

  combine_into(Combine::max, Dtype::fp32, std::as_bytes(std::span(earlier)), bytes_of(own));

  BOOST_TEST(own[0] == 2.0F);
  BOOST_TEST(std::isnan(own[1]));
  BOOST_TEST(std::isnan(own[2]));
  BOOST_TEST(std::signbit(own[3]));
  BOOST_TEST(own[4] == -INFINITY);
}

BOOST_AUTO_TEST_CASE(two_infinities_of_opposite_sign_give_the_one_positive_nan) {
  Floats own = {INFINITY};
  const Floats earlier = {-INFINITY};

  combine_into(Combine::sum, Dtype::fp32, std::as_bytes(std::span(earlier)), bytes_of(own));

  BOOST_TEST(std::isnan(own[0]));
  BOOST_TEST(!std::signbit(own[0]));
}

BOOST_AUTO_TEST_CASE(integers_are_not_summed) {
  std::vector<std::byte> own(8);
  const std::vector<std::byte> earlier(8);

  BOOST_CHECK_THROW(combine_into(Combine::sum, Dtype::int64, earlier, own), InvariantError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::real
