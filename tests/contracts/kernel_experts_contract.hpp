#pragma once

// What the kernels of every device must compute, continued: experts are chosen, given their tokens,
// and weighed. The including program defines make_device().

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "scenarios/errors.hpp"
#include "tests/contracts/device_under_test.hpp"

namespace shardproof::contract {

BOOST_AUTO_TEST_SUITE(kernel_experts_contract)

// Three tokens, of four experts two each: 2 1, 0 2, 2 0. Expert 3 has none.
struct Routing {
  Device device;
  TensorView selected = device.tensor(Dtype::int64, {1, 3, 2}, {2, 1, 0, 2, 2, 0});
  std::vector<TensorView> rows(Dtype dtype, const Values& values = {}) {
    std::vector<TensorView> parts;
    std::size_t from = 0;
    for (const std::int64_t count : {2, 1, 3, 0}) {
      const Shape shape{count, 2};
      const auto size = static_cast<std::size_t>(2 * count);
      parts.push_back(
          values.empty()
              ? device.output(dtype, shape)
              : device.tensor(dtype, shape,
                              Values(values.begin() + static_cast<std::ptrdiff_t>(from),
                                     values.begin() + static_cast<std::ptrdiff_t>(from + size))));
      from += size;
    }
    return parts;
  }
};

BOOST_AUTO_TEST_CASE(the_largest_logits_are_chosen_and_of_equal_ones_the_first) {
  Device device;
  const auto logits = device.tensor(Dtype::fp32, {1, 4, 4},
                                    {1, 3, 2, 0, 5, 5, 5, 5, 0, 1, 1, 0, NAN, -1, NAN, -INFINITY});
  const auto selected = device.output(Dtype::int64, {1, 4, 3});
  const auto weights = device.output(Dtype::fp32, {1, 4, 3});
  device->route(logits, selected, weights, RouteForm::renormalized, 1);
  BOOST_TEST(device.read(selected) == (Values{1, 2, 0, 0, 1, 2, 1, 2, 0, 1, 3, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(weights_are_a_softmax_of_the_chosen_or_scaled_of_all) {
  Device device;
  const double e = std::exp(1.0);
  const auto logits = device.tensor(Dtype::fp64, {1, 1, 3}, {0, 1, 2});
  const auto selected = device.output(Dtype::int64, {1, 1, 2});
  const auto weights = device.output(Dtype::fp64, {1, 1, 2});
  device->route(logits, selected, weights, RouteForm::renormalized, 3);
  BOOST_TEST(device.read(weights)[0] == e / (1 + e), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(device.read(weights)[1] == 1 / (1 + e), boost::test_tools::tolerance(1e-15));
  device->route(logits, selected, weights, RouteForm::scaled, 3);
  BOOST_TEST(device.read(weights)[0] == 3 * e * e / (1 + e + e * e),
             boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(one_choice_weighs_one_and_gives_the_logits_nothing) {
  Device device;
  const auto logits = device.tensor(Dtype::fp32, {1, 1, 3}, {0.5, 4, 2});
  const auto selected = device.output(Dtype::int64, {1, 1, 1});
  const auto weights = device.output(Dtype::fp32, {1, 1, 1});
  const auto dlogits = device.output(Dtype::fp32, {1, 1, 3});
  device->route(logits, selected, weights, RouteForm::renormalized, 1);
  device->route_backward(device.tensor(Dtype::fp32, {1, 1, 1}, {7}), logits, selected, dlogits,
                         RouteForm::renormalized, 1);
  BOOST_TEST(device.read(weights) == Values{1}, boost::test_tools::per_element());
  BOOST_TEST(device.read(dlogits) == (Values{0, 0, 0}), boost::test_tools::per_element());
}

// Two of six experts, in three groups. Corrected, the groups are worth 1.125, 1.5 and 0.875 to the
// first token, for all that expert 4 is the best of all; 0.875, 0.375 and 0.5 to the second.
BOOST_AUTO_TEST_CASE(experts_are_chosen_by_corrected_scores_from_the_best_groups) {
  Device device;
  const auto scores =
      device.tensor(Dtype::fp64, {1, 2, 6},
                    {0.5, 0.5, 0.75, 0.625, 0.875, 0.125, 0.25, 0.5, 0.25, 0, 0.125, 0.5});
  const auto correction = device.tensor(Dtype::fp64, {6}, {0.125, 0, 0, 0.125, 0, -0.125});
  const auto selected = device.output(Dtype::int64, {1, 2, 2});
  const auto weights = device.output(Dtype::fp64, {1, 2, 2});
  const ExpertGroups groups{.count = 3, .kept = 2};
  device->route(scores, selected, weights, RouteForm::scores, 2, &correction, groups);
  BOOST_TEST(device.read(selected) == (Values{2, 3, 1, 0}), boost::test_tools::per_element());
  // The correction does not weigh.
  BOOST_TEST(device.read(weights) == (Values{1.5, 1.25, 1, 0.5}), boost::test_tools::per_element());
  device->route(scores, selected, weights, RouteForm::scores, 2, &correction);
  BOOST_TEST(device.read(selected) == (Values{4, 2, 1, 0}), boost::test_tools::per_element());

  // Nothing is above 0 then, which experts count as that are not in the groups kept.
  const auto below = device.tensor(Dtype::fp64, {6}, {-1, -1, -2, -2, -1, -1});
  device->route(scores, selected, weights, RouteForm::scores, 1, &below, groups);
  BOOST_TEST(device.read(selected) == (Values{2, 3, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(scores_weigh_as_they_are_or_by_their_share_and_so_go_back) {
  Device device;
  const auto scores = device.tensor(Dtype::fp64, {1, 1, 4}, {0.25, 0.5, 0.125, 0.75});
  const auto selected = device.output(Dtype::int64, {1, 1, 2});
  const auto weights = device.output(Dtype::fp64, {1, 1, 2});
  const auto dweights = device.tensor(Dtype::fp64, {1, 1, 2}, {1, 6});
  const auto dscores = device.output(Dtype::fp64, {1, 1, 4});
  device->route(scores, selected, weights, RouteForm::score_shares, 5);
  BOOST_TEST(device.read(weights) == (Values{3, 2}), boost::test_tools::per_element());
  device->route_backward(dweights, scores, selected, dscores, RouteForm::score_shares, 5);
  // The mean of 5 and 30 by shares of 0.6 and 0.4 is 15; the divisor 1.25.
  BOOST_TEST(device.read(dscores)[1] == 12, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(device.read(dscores)[3] == -8, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(device.read(dscores)[0] == 0);
  BOOST_TEST(device.read(dscores)[2] == 0);

  device->route(scores, selected, weights, RouteForm::scores, 4);
  BOOST_TEST(device.read(weights) == (Values{3, 2}), boost::test_tools::per_element());
  device->route_backward(dweights, scores, selected, dscores, RouteForm::scores, 4);
  BOOST_TEST(device.read(dscores) == (Values{0, 24, 0, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(groups_that_cannot_be_ranked_are_refused) {
  Device device;
  const auto scores = device.output(Dtype::fp32, {1, 1, 6});
  const auto selected = device.output(Dtype::int64, {1, 1, 2});
  const auto weights = device.output(Dtype::fp32, {1, 1, 2});
  const auto refuses = [&](const TensorView* correction, ExpertGroups groups) {
    BOOST_CHECK_THROW(
        device->route(scores, selected, weights, RouteForm::scores, 1, correction, groups),
        InvariantError);
  };
  refuses(&weights, {});
  refuses(nullptr, {.count = 4, .kept = 1});
  refuses(nullptr, {.count = 6, .kept = 1});
  refuses(nullptr, {.count = 2, .kept = 0});
}

BOOST_AUTO_TEST_CASE(each_expert_gets_the_rows_of_its_tokens_in_the_order_asked_for) {
  Routing routing;
  const auto x = routing.device.tensor(Dtype::bf16, {1, 3, 2}, {1, 2, 3, 4, 5, 6});
  const auto rows = routing.rows(Dtype::bf16);
  routing.device->moe_dispatch(x, routing.selected, rows, ExpertRows::by_choice);
  BOOST_TEST(routing.device.read(rows[0]) == (Values{3, 4, 5, 6}),
             boost::test_tools::per_element());
  BOOST_TEST(routing.device.read(rows[1]) == (Values{1, 2}), boost::test_tools::per_element());
  // First choice of tokens 0 and 2, second of token 1.
  BOOST_TEST(routing.device.read(rows[2]) == (Values{1, 2, 5, 6, 3, 4}),
             boost::test_tools::per_element());
  routing.device->moe_dispatch(x, routing.selected, rows, ExpertRows::by_token);
  BOOST_TEST(routing.device.read(rows[2]) == (Values{1, 2, 3, 4, 5, 6}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(results_are_weighed_and_added_and_go_back_the_same_way) {
  Routing routing;
  Device& device = routing.device;
  // Expert 0: tokens 1, 2; expert 1: token 0; expert 2: tokens 0, 1, 2.
  const auto rows = routing.rows(Dtype::fp32, {1, 2, 3, 4, 10, 20, 100, 200, 300, 400, 500, 600});
  const auto weights = device.tensor(Dtype::fp32, {1, 3, 2}, {0.5, 2, 1, 0.25, 4, 3});
  const auto y = device.output(Dtype::fp32, {1, 3, 2});
  device->moe_combine(routing.selected, weights, rows, y, ExpertRows::by_token);
  BOOST_TEST(device.read(y) == (Values{70, 140, 76, 102, 2009, 2412}),
             boost::test_tools::per_element());

  device->moe_dispatch_backward(routing.selected, rows, y, ExpertRows::by_token);
  BOOST_TEST(device.read(y) == (Values{110, 220, 301, 402, 503, 604}),
             boost::test_tools::per_element());

  const auto dy = device.tensor(Dtype::fp32, {1, 3, 2}, {1, -1, 2, 0, 0, 1});
  const auto dweights = device.output(Dtype::fp32, {1, 3, 2});
  const auto drows = routing.rows(Dtype::fp32);
  device->moe_combine_backward(dy, routing.selected, weights, rows, dweights, drows,
                               ExpertRows::by_token);
  BOOST_TEST(device.read(dweights) == (Values{-100, -10, 2, 600, 600, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(device.read(drows[2]) == (Values{0.5, -0.5, 0.5, 0, 0, 4}),
             boost::test_tools::per_element());
}

// The token names its experts from last to first. In fp32, 2^24 + 1 is a tie and goes to 2^24; 1 +
// 1 first gives 2^24 + 2.
BOOST_AUTO_TEST_CASE(rows_of_a_token_are_added_in_the_order_of_the_experts) {
  Device device;
  const auto selected = device.tensor(Dtype::int64, {1, 3}, {2, 1, 0});
  const auto weights = device.tensor(Dtype::fp32, {1, 3}, {1, 1, 1});
  const auto y = device.output(Dtype::fp32, {1, 1});
  for (const auto& [terms, sum] : {std::pair<Values, double>{{0x1p24, 1, 1}, 0x1p24},
                                   std::pair<Values, double>{{1, 1, 0x1p24}, 0x1p24 + 2}}) {
    std::vector<TensorView> rows;
    for (const double term : terms) rows.push_back(device.tensor(Dtype::fp32, {1, 1}, {term}));
    device->moe_combine(selected, weights, rows, y, ExpertRows::by_token);
    BOOST_TEST(device.read(y)[0] == sum);
    device->moe_dispatch_backward(selected, rows, y, ExpertRows::by_token);
    BOOST_TEST(device.read(y)[0] == sum);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
