#include "reference/ops/ops.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "reference/ops/derivatives.hpp"
#include "reference/ops/experts.hpp"

namespace shardproof::reference {

namespace {

void check_close(const Tensor& actual, const Shape& shape, const std::vector<double>& expected) {
  BOOST_TEST(actual.shape == shape);
  BOOST_TEST_REQUIRE(actual.values.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    BOOST_TEST(std::abs(actual.values[i] - expected[i]) <= 1e-15 * (1 + std::abs(expected[i])),
               "element " << i << ": " << actual.values[i] << " instead of " << expected[i]);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_test)

BOOST_AUTO_TEST_CASE(embedding_picks_rows_and_its_gradient_adds_to_them) {
  const Tensor weight({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tokens tokens({2, 2}, {2, 0, 2, 2});
  const Tensor dy({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});

  check_close(embedding(weight, tokens), {2, 2, 2}, {5, 6, 1, 2, 5, 6, 5, 6});
  check_close(embedding_vjp_weight(dy, tokens, 3, 1), {1, 3, 2}, {3, 4, 0, 0, 13, 16});
  check_close(embedding_vjp_weight(dy, tokens, 3, 2), {2, 3, 2},
              {3, 4, 0, 0, 1, 2, 0, 0, 0, 0, 12, 14});
  check_close(embedding_vjp_weight(dy, tokens, 3, 2, 2), {2, 3, 2},
              {3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(a_token_outside_the_vocabulary_is_refused) {
  const Tensor weight({3, 1});
  BOOST_CHECK_THROW(embedding(weight, Tokens({1, 1}, {3})), InvariantError);
  BOOST_CHECK_THROW(embedding(weight, Tokens({1, 1}, {-1})), InvariantError);
}

BOOST_AUTO_TEST_CASE(rms_norm_by_hand) {
  // Mean square (9 + 16 + 0 + 0) / 4 = 6.25, its root 2.5; with eps 2.75 it is 9 and 3.
  const Tensor x({1, 4}, {3, 4, 0, 0}), weight({4}, {1, 2, 3, 4});

  check_close(rms_norm(x, weight, 0.0), {1, 4}, {3 / 2.5, 8 / 2.5, 0, 0});
  check_close(rms_norm(x, weight, 2.75), {1, 4}, {1, 8.0 / 3, 0, 0});
}

BOOST_AUTO_TEST_CASE(rms_norm_of_heads_norms_each_stretch_of_the_weights_width) {
  const Tensor x({1, 4}, {3, 4, 0, 5}), weight({2}, {1, 2});
  const double a = std::sqrt(12.5);

  check_close(rms_norm(x, weight, 0.0), {1, 4}, {3 / a, 8 / a, 0, 10 / a});
}

BOOST_AUTO_TEST_CASE(layer_norm_by_hand) {
  // Mean 3, deviations -2, 0, 0, 2, variance 2; with eps 2 the root is 2.
  const Tensor x({1, 4}, {1, 3, 3, 5}), weight({4}, {1, 2, 3, 4}), bias({4}, {10, 20, 30, 40});

  check_close(layer_norm(x, weight, bias, 2.0), {1, 4}, {9, 20, 30, 44});
}

BOOST_AUTO_TEST_CASE(relu_is_zero_below_zero) {
  check_close(relu(Tensor({4}, {-2, 0, 0.5, 3})), {4}, {0, 0, 0.5, 3});
}

BOOST_AUTO_TEST_CASE(gelu_by_published_values) {
  // x Phi(x) by the table of the normal distribution; the tanh form at the same places by
  // evaluating its formula in 50 digits.
  const Tensor x({4}, {0, 1, -1, 3});
  check_close(gelu(x, GeluForm::erf), {4},
              {0, 0.84134474606854294859, -0.15865525393145705141, 2.99595030590510971642});
  check_close(gelu(x, GeluForm::tanh), {4},
              {0, 0.84119199060827670478, -0.15880800939172329522, 2.99636260791822698116});
  check_close(gelu(x, GeluForm::tanh_bloom), {4},
              {0, 0.84119199038417865585, -0.15880800961582134415, 2.99636260789368328630});
}

BOOST_AUTO_TEST_CASE(rotary_turns_the_pair_i_and_i_plus_half) {
  // theta = 1: every pair turns by the position. Position 0 stays, position 1 turns by one radian.
  const RotaryTables tables = rotary_tables(2, 4, 1.0);
  const Tensor x({1, 2, 4}, {1, 2, 3, 4, 1, 0, 0, 1});
  const double c = std::cos(1.0), s = std::sin(1.0);

  check_close(rotary(x, tables.cos, tables.sin), {1, 2, 4}, {1, 2, 3, 4, c, -s, s, c});
}

BOOST_AUTO_TEST_CASE(rotary_angles_fall_by_powers_of_theta) {
  const RotaryTables tables = rotary_tables(3, 4, 100.0);

  check_close(tables.cos, {3, 2},
              {1, 1, std::cos(1.0), std::cos(0.1), std::cos(2.0), std::cos(0.2)});
  check_close(tables.sin, {3, 2},
              {0, 0, std::sin(1.0), std::sin(0.1), std::sin(2.0), std::sin(0.2)});
}

BOOST_AUTO_TEST_CASE(attention_by_hand_is_causal_and_shares_heads) {
  // One key head for two query heads, hd = 1. At t = 1, head 0 scores 0 and log 3: weights 1/4,
  // 3/4; head 1 scores 0 and -log 3: weights 3/4, 1/4.
  const double l = std::log(3.0);
  const Tensor q({1, 2, 2}, {5, 7, 1, -1}), k({1, 2, 1}, {0, l}), v({1, 2, 1}, {8, 16});

  const AttentionResult<double> result = attention(q, k, v, 1);

  check_close(result.output, {1, 2, 2}, {8, 8, 14, 10});
  check_close(result.log_sum_exp, {1, 2, 2}, {0, std::log(4.0), 0, std::log(4.0 / 3)});
}

BOOST_AUTO_TEST_CASE(attention_divides_scores_by_the_root_of_the_head_dimension) {
  const Tensor q({1, 1, 4}, {1, 1, 1, 1}), k({1, 1, 4}, {1, 2, 3, 4});

  check_close(attention(q, k, k, 4).log_sum_exp, {1, 1, 1}, {10.0 / 2});
}

BOOST_AUTO_TEST_CASE(attention_survives_large_scores) {
  const Tensor q({1, 2, 1}, {0, 1}), k({1, 2, 1}, {1000, 1000}), v({1, 2, 1}, {2, 4});

  check_close(attention(q, k, v, 1).output, {1, 2, 1}, {2, 3});
}

BOOST_AUTO_TEST_CASE(interleaved_rotary_turns_neighbours_and_leaves_the_rest_of_the_head) {
  const RotaryTables tables = rotary_tables(2, 2, 1.0);  // one pair, of two elements
  const Tensor x({1, 2, 3}, {1, 2, 3, 1, 0, 7});
  const double c = std::cos(1.0), s = std::sin(1.0);

  const RotaryForm form{.head_dim = 3, .pairing = RotaryPairing::interleaved};
  check_close(rotary(x, tables.cos, tables.sin, form), {1, 2, 3}, {1, 2, 3, c, s, 7});
}

BOOST_AUTO_TEST_CASE(frequencies_are_scaled_as_published) {
  const double pi = 3.14159265358979323846;
  check_close(
      rotary_tables(2, 2,
                    RotaryFrequencies{.theta = 7, .scaling = RotaryScaling::linear, .factor = 4})
          .cos,
      {2, 1}, {1, std::cos(0.25)});
  // The wave of frequency 1 is 2 pi long. In texts of 2 pi X positions it turns X times: fast for
  // X = 5 > 4, slow for X = 1/2 < 1, and for X = 2.5 halfway: (1/8 + 1) / 2.
  for (const auto& [turns, frequency] :
       {std::pair{5.0, 1.0}, std::pair{0.5, 0.125}, std::pair{2.5, 0.5625}}) {
    const RotaryFrequencies how{.theta = 7,
                                .scaling = RotaryScaling::llama3,
                                .factor = 8,
                                .low = 1,
                                .high = 4,
                                .original_positions = 2 * pi * turns};
    check_close(rotary_tables(2, 2, how).sin, {2, 1}, {0, std::sin(frequency)});
  }
}

BOOST_AUTO_TEST_CASE(slopes_of_eight_heads_halve_and_those_of_twelve_are_filled_in_between) {
  check_close(alibi_slopes(8), {8},
              {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625});
  const double root = std::sqrt(0.5);
  check_close(alibi_slopes(12), {12},
              {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625, root, root / 2,
               root / 4, root / 8});
  check_close(alibi_slopes(3), {3}, {0.0625, 0.00390625, 0.25});
}

BOOST_AUTO_TEST_CASE(a_window_of_two_sees_the_position_and_the_one_before) {
  // All scores 0: the mean of what is seen.
  const Tensor q({1, 4, 1}), v({1, 4, 1}, {8, 4, 2, 6});

  const AttentionResult<double> result = attention(q, q, v, {.head_dim = 1, .window = 2});

  check_close(result.output, {1, 4, 1}, {8, 6, 3, 4});
  check_close(result.log_sum_exp, {1, 1, 4}, {0, std::log(2.0), std::log(2.0), std::log(2.0)});
}

BOOST_AUTO_TEST_CASE(slopes_add_to_each_score_its_keys_position) {
  // Scores 0 + log 3 * j at t = 1: weights 1/4 and 3/4. Two values to a head of one.
  const Tensor q({1, 2, 1}), v({1, 2, 2}, {8, 0, 16, 4}), slopes({1}, {std::log(3.0)});

  const AttentionResult<double> result =
      attention(q, q, v, {.head_dim = 1, .v_head_dim = 2, .scale = 5}, &slopes);

  check_close(result.output, {1, 2, 2}, {8, 0, 14, 3});
  check_close(result.log_sum_exp, {1, 1, 2}, {0, std::log(4.0)});
}

// Groups {0, 1} and {4, 5} together 1.5 and 1.125, {2, 3} 0.875; without the correction 1.25, 1.375
// and 0.875. Sums are rounded where a dtype is asked for.
BOOST_AUTO_TEST_CASE(scores_are_compared_corrected_and_as_zero_outside_the_best_groups) {
  const Tensor scores({1, 1, 6}, {0.5, 0.75, 0.25, 0.625, 0.875, 0.5});
  const Tensor correction({6}, {0.25, 0, 0, 0, -0.25, 0});

  check_close(compared_scores(scores, nullptr, {}), {1, 1, 6}, scores.values);
  check_close(compared_scores(scores, &correction, {}), {1, 1, 6},
              {0.75, 0.75, 0.25, 0.625, 0.625, 0.5});
  check_close(compared_scores(scores, &correction, {.count = 3, .kept = 2}), {1, 1, 6},
              {0.75, 0.75, 0, 0, 0.625, 0.5});
  check_close(compared_scores(scores, &correction, {.count = 3, .kept = 1}), {1, 1, 6},
              {0.75, 0.75, 0, 0, 0, 0});
  check_close(compared_scores(scores, nullptr, {.count = 3, .kept = 1}), {1, 1, 6},
              {0, 0, 0, 0, 0.875, 0.5});
  const Tensor little({6}, {0x1p-40, 0, 0, 0, 0, 0});
  BOOST_TEST(compared_scores(scores, &little, {}, Dtype::fp32)[0] == 0.5);
  BOOST_TEST(compared_scores(scores, &little, {})[0] > 0.5);
}

BOOST_AUTO_TEST_CASE(shares_of_scores_that_are_all_zero_are_zero) {
  const Tensor scores({1, 1, 3}, {0, 0, 0});
  const Tokens chosen({1, 1, 2}, {0, 1});

  check_close(expert_weights(scores, chosen, RouteForm::score_shares, 2.5), {1, 1, 2}, {0, 0});
}

BOOST_AUTO_TEST_CASE(swiglu_by_hand) {
  const double l = std::log(3.0);  // sigmoid(log 3) = 3/4
  const Tensor gate({4}, {0, l, -l, -1000}), up({4}, {5, 4, 4, 1});

  check_close(swiglu(gate, up), {4}, {0, 3 * l, -l, 0});
}

BOOST_AUTO_TEST_CASE(bias_is_added_to_every_row) {
  check_close(add_bias(Tensor({2, 2}, {1, 2, 3, 4}), Tensor({2}, {10, 20})), {2, 2},
              {11, 22, 13, 24});
  check_close(bias_vjp(Tensor({2, 2}, {1, 2, 3, 4}), 1), {1, 2}, {4, 6});
  check_close(bias_vjp(Tensor({2, 2}, {1, 2, 3, 4}), 2), {2, 2}, {1, 2, 3, 4});
}

BOOST_AUTO_TEST_CASE(each_position_predicts_the_next_token_and_the_last_nothing) {
  const Tokens labels = shift_labels(Tokens({2, 3}, {1, 2, 3, 4, 5, 6}));

  BOOST_TEST(labels.values == (std::vector<std::int64_t>{2, 3, -100, 5, 6, -100}));
}

BOOST_AUTO_TEST_CASE(padding_is_nobodys_label) {
  const Tokens labels = shift_labels(Tokens({2, 3}, {5, 2, 5, 4, 5, 6}), 5);

  BOOST_TEST(labels.values == (std::vector<std::int64_t>{2, -100, -100, -100, 6, -100}));
}

BOOST_AUTO_TEST_CASE(replicas_with_unequal_numbers_of_labels_have_equal_weight) {
  // Softmax of (0, log 3, ...) is (1/4, 3/4, 0). Replica 0 has labels 0 1 1, replica 1, padded by
  // 2, only label 0.
  const double l = std::log(3.0), never = -std::numeric_limits<double>::infinity();
  Tensor logits({2, 4, 3});
  for (std::int64_t row = 0; row < 8; ++row) {
    logits[3 * row + 1] = l;
    logits[3 * row + 2] = never;
  }
  const Tokens labels = shift_labels(Tokens({2, 4}, {1, 0, 1, 1, 1, 0, 2, 2}), 2);

  const Tensor loss = cross_entropy(logits, labels, 2);
  const Tensor gradient = cross_entropy_vjp(Tensor({2}, {0.5, 0.5}), logits, labels);

  const double quarter = std::log(4.0), three = std::log(4.0 / 3);
  BOOST_TEST(std::abs(loss[0] - (quarter + 2 * three) / 3) < 1e-15);
  BOOST_TEST(std::abs(loss[1] - quarter) < 1e-15);
  // dloss / labels * (softmax - onehot): a label of replica 1 counts three times one of replica 0.
  BOOST_TEST(std::abs(gradient[0] - -0.75 / 6) < 1e-15);
  BOOST_TEST(std::abs(gradient[3] - 0.25 / 6) < 1e-15);
  BOOST_TEST(std::abs(gradient[12] - -0.75 / 2) < 1e-15);
  BOOST_TEST(gradient[15] == 0.0);
}

BOOST_AUTO_TEST_CASE(squared_error_by_hand_is_the_mean_over_the_valid_labels_of_a_group) {
  const Tensor logits({2, 2, 2}, {1, 2, 0, 3, -1, 1, 7, 7});
  const Tokens labels({2, 2}, {0, 1, 1, ignored_label});

  // Off by (0, 2) and (0, 2); by (-1, 0).
  check_close(squared_error(logits, labels, 2), {2}, {(2.0 + 2.0) / 2, 0.5});
  check_close(squared_error_vjp(Tensor({2}, {8, 4}), logits, labels), {2, 2, 2},
              {0, 8, 0, 8, -4, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(cross_entropy_by_hand_is_the_mean_over_the_valid_labels_of_a_group) {
  // Softmax of (0, log 3) is (1/4, 3/4). Group 0 has labels 0 and 1, group 1 only label 1.
  const double l = std::log(3.0);
  const Tensor logits({2, 2, 2}, {0, l, 0, l, 0, l, 7, 7});
  const Tokens labels({2, 2}, {0, 1, 1, ignored_label});

  const double log4 = std::log(4.0);
  check_close(cross_entropy(logits, labels, 2), {2}, {(log4 + (log4 - l)) / 2, log4 - l});
  check_close(cross_entropy_vjp(Tensor({2}, {8, 4}), logits, labels), {2, 2, 2},
              {4 * (0.25 - 1), 4 * 0.75, 4 * 0.25, 4 * (0.75 - 1), 1, -1, 0, 0});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
