#include "reference/ops/derivatives.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>

#include "reference/ops/dual.hpp"
#include "reference/ops/experts.hpp"
#include "reference/ops/matmul.hpp"
#include "reference/ops/ops.hpp"
#include "tests/reference/random_tensors.hpp"

namespace shardproof::reference {

namespace {

using testing::largest;
using testing::Random;
using testing::relative_difference;
using DualTensor = TensorOf<Dual>;
using DualFunction = std::function<DualTensor(const std::vector<DualTensor>&)>;

constexpr double tolerance = 1e-13;

std::vector<DualTensor> lift(const std::vector<Tensor>& inputs) {
  std::vector<DualTensor> lifted;
  for (const Tensor& x : inputs)
    lifted.emplace_back(x.shape, std::vector<Dual>(x.values.begin(), x.values.end()));
  return lifted;
}

/// For every coordinate of every input: sum over outputs of dy * (d output / d coordinate), by dual
/// numbers, against the gradient that the reverse derivative gives.
void check_vjp(const DualFunction& forward, const std::vector<Tensor>& inputs, const Tensor& dy,
               const std::vector<Tensor>& gradients) {
  std::vector<DualTensor> lifted = lift(inputs);
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    Tensor expected(inputs[input].shape);
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      lifted[input][i].derivative = 1;
      const DualTensor y = forward(lifted);
      lifted[input][i].derivative = 0;
      BOOST_TEST_REQUIRE(y.size() == dy.size());
      for (std::int64_t j = 0; j < y.size(); ++j) expected[i] += dy[j] * y[j].derivative;
    }
    BOOST_TEST_REQUIRE(gradients[input].size() == expected.size());
    const Tensor gradient(expected.shape, gradients[input].values);
    BOOST_TEST(largest(expected) > 0);
    BOOST_TEST(relative_difference(gradient, expected) < tolerance, "input " << input);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derivatives_test)

BOOST_AUTO_TEST_CASE(dual_numbers_know_the_derivatives_of_elementary_functions) {
  const Dual x(2.0, 1.0);

  BOOST_TEST((x * x * x).derivative == 12.0);
  BOOST_TEST((Dual(1) / x).derivative == -0.25);
  BOOST_TEST((-x - x + Dual(3) * x).derivative == 1.0);
  BOOST_TEST(sqrt(x * x).derivative == 1.0);
  BOOST_TEST(exp(x).derivative == std::exp(2.0));
  BOOST_TEST(log(x).derivative == 0.5);
}

BOOST_AUTO_TEST_CASE(rms_norm) {
  Random random(1);
  const Tensor x = random.tensor({2, 3, 5}), w = random.tensor({5}), dy = random.tensor({2, 3, 5});
  const double eps = 0.1;  // large enough to matter

  check_vjp([&](const auto& in) { return reference::rms_norm(in[0], in[1], eps); }, {x, w}, dy,
            {rms_norm_vjp_input(dy, x, w, eps), rms_norm_vjp_weight(dy, x, eps, 1)});
}

BOOST_AUTO_TEST_CASE(rms_norm_of_each_head) {
  Random random(11);
  const Tensor x = random.tensor({2, 3, 12}), w = random.tensor({4}),
               dy = random.tensor({2, 3, 12});
  const double eps = 0.1;

  check_vjp([&](const auto& in) { return reference::rms_norm(in[0], in[1], eps); }, {x, w}, dy,
            {rms_norm_vjp_input(dy, x, w, eps), rms_norm_vjp_weight(dy, x, eps, 1, 4)});
}

BOOST_AUTO_TEST_CASE(rms_norm_with_a_shifted_weight) {
  Random random(16);
  const Tensor x = random.tensor({2, 3, 5}), w = random.tensor({5}), dy = random.tensor({2, 3, 5});
  const double eps = 0.1;

  check_vjp([&](const auto& in) { return reference::rms_norm(in[0], in[1], eps, 1); }, {x, w}, dy,
            {rms_norm_vjp_input(dy, x, w, eps, 1), rms_norm_vjp_weight(dy, x, eps, 1)});
}

BOOST_AUTO_TEST_CASE(relu) {
  Random random(19);
  Tensor x = random.tensor({3, 7});
  x[0] = 40, x[1] = -40;
  const Tensor dy = random.tensor({3, 7});

  check_vjp([](const auto& in) { return reference::relu(in[0]); }, {x}, dy, {relu_vjp(dy, x)});
  x[2] = 0;
  BOOST_TEST(relu_vjp(dy, x)[2] == 0);
}

BOOST_AUTO_TEST_CASE(soft_cap) {
  Random random(17);
  Tensor x = random.tensor({3, 7});
  x[0] = 40, x[1] = -40, x[2] = 0;
  const Tensor dy = random.tensor({3, 7});

  check_vjp([](const auto& in) { return reference::soft_cap(in[0], 1.5); }, {x}, dy,
            {soft_cap_vjp(dy, x, 1.5)});
}

BOOST_AUTO_TEST_CASE(sigmoids) {
  Random random(19);
  Tensor x = random.tensor({3, 7});
  x[0] = 40, x[1] = -40, x[2] = 0;
  const Tensor dy = random.tensor({3, 7});

  check_vjp([](const auto& in) { return reference::sigmoid(in[0]); }, {x}, dy,
            {sigmoid_vjp(dy, x)});
}

BOOST_AUTO_TEST_CASE(capped_scores) {
  Random random(18);
  const Tensor q = random.tensor({2, 5, 8}), k = random.tensor({2, 5, 4}),
               v = random.tensor({2, 5, 4}), dy = random.tensor({2, 5, 8});
  const AttentionForm form{.head_dim = 4, .window = 3, .cap = 0.75};
  const AttentionGradients gradients = attention_vjp(dy, q, k, v, form);

  check_vjp([&](const auto& in) { return attention(in[0], in[1], in[2], form).output; }, {q, k, v},
            dy, {gradients.q, gradients.k, gradients.v});
}

BOOST_AUTO_TEST_CASE(weights_of_experts) {
  Random random(13);
  const Tensor logits = random.tensor({2, 3, 5}), dy = random.tensor({2, 3, 2});
  const Tokens selected = chosen_experts(logits, 2);
  for (const RouteForm form :
       {RouteForm::renormalized, RouteForm::scaled, RouteForm::scores, RouteForm::score_shares})
    check_vjp([&](const auto& in) { return expert_weights(in[0], selected, form, 1.5); }, {logits},
              dy, {expert_weights_vjp(dy, logits, selected, form, 1.5)});
}

BOOST_AUTO_TEST_CASE(tokens_of_experts) {
  Random random(14);
  const Tensor x = random.tensor({2, 3, 4}), dy = random.tensor({2 * 3, 4});
  const std::vector<double> selected{2, 1, 0, 2, 2, 0, 1, 2, 1, 0, 2, 1};
  for (const ExpertRows order : {ExpertRows::by_choice, ExpertRows::by_token}) {
    const ExpertRowsOf at(selected, 2, 4, 2, order);
    check_vjp([&](const auto& in) { return expert_part(in[0], at, 2, 3); }, {x}, dy,
              {expert_part_vjp(dy, at, 2, x.shape)});
  }
}

BOOST_AUTO_TEST_CASE(results_of_experts) {
  Random random(15);
  const Shape choice{2, 3, 2};
  const std::vector<double> selected{2, 1, 0, 2, 2, 0, 1, 2, 1, 0, 2, 1};
  const ExpertRowsOf at(selected, 2, 3, 2, ExpertRows::by_choice);
  const Tensor weights = random.tensor(choice), dy = random.tensor({2, 3, 4});
  const std::vector<Tensor> parts{random.tensor({6, 4}), random.tensor({6, 4}),
                                  random.tensor({6, 4})};
  check_vjp(
      [&](const auto& in) {
        return combined(at, choice, in[0], {in.begin() + 1, in.end()});
      },
      {weights, parts[0], parts[1], parts[2]}, dy,
      {combined_vjp_weights(dy, at, choice, parts), combined_vjp_part(dy, at, weights, 0, 3),
       combined_vjp_part(dy, at, weights, 1, 3), combined_vjp_part(dy, at, weights, 2, 3)});
}

BOOST_AUTO_TEST_CASE(layer_norm) {
  Random random(12);
  const Tensor x = random.tensor({2, 3, 5}), w = random.tensor({5}), b = random.tensor({5});
  const Tensor dy = random.tensor({2, 3, 5});
  const double eps = 0.1;

  check_vjp(
      [&](const auto& in) { return reference::layer_norm(in[0], in[1], in[2], eps); }, {x, w, b},
      dy,
      {layer_norm_vjp_input(dy, x, w, eps), layer_norm_vjp_weight(dy, x, eps, 1), bias_vjp(dy, 1)});
}

BOOST_AUTO_TEST_CASE(gelu_in_each_form) {
  Random random(13);
  Tensor x = random.tensor({3, 7});
  x[0] = 40, x[1] = -40, x[2] = -0.7517916, x[3] = 0;  // x[2]: where the derivative vanishes
  const Tensor dy = random.tensor({3, 7});
  for (const GeluForm form : {GeluForm::erf, GeluForm::tanh})
    check_vjp([&](const auto& in) { return reference::gelu(in[0], form); }, {x}, dy,
              {gelu_vjp(dy, x, form)});
}

BOOST_AUTO_TEST_CASE(blooms_gelu_has_a_gradient_of_its_own_that_is_nearly_the_derivative) {
  Random random(14);
  const Tensor x = random.tensor({100}), dy = random.tensor({100});
  std::vector<DualTensor> lifted = lift({x});
  Tensor exact({100});
  for (std::int64_t i = 0; i < 100; ++i) {
    lifted[0][i].derivative = 1;
    exact[i] = dy[i] * reference::gelu(lifted[0], GeluForm::tanh_bloom)[i].derivative;
    lifted[0][i].derivative = 0;
  }

  const double off = relative_difference(gelu_vjp(dy, x, GeluForm::tanh_bloom), exact);

  BOOST_TEST(off > 1e-13);  // 0.1070322243 is 3 * 0.044715 * 0.79788456 to ten digits only
  BOOST_TEST(off < 1e-10);
  BOOST_TEST(relative_difference(gelu_vjp(dy, x, GeluForm::tanh), exact) > 1e-10);
}

BOOST_AUTO_TEST_CASE(matrix_product) {
  Random random(2);
  const Tensor x = random.tensor({2, 3, 5}), w = random.tensor({4, 5});
  const Tensor dy = random.tensor({2, 3, 4});

  check_vjp([](const auto& in) { return matmul(in[0], in[1]); }, {x, w}, dy,
            {matmul_vjp_input(dy, w), matmul_vjp_weight(dy, x, 1)});
}

BOOST_AUTO_TEST_CASE(matrix_product_with_a_weight_in_out) {
  Random random(21);
  const Tensor x = random.tensor({2, 3, 5}), w = random.tensor({5, 4});
  const Tensor dy = random.tensor({2, 3, 4});
  constexpr WeightLayout in_out = WeightLayout::in_out;

  check_vjp([](const auto& in) { return matmul(in[0], in[1], in_out); }, {x, w}, dy,
            {matmul_vjp_input(dy, w, in_out), matmul_vjp_weight(dy, x, 1, in_out)});
}

BOOST_AUTO_TEST_CASE(split_into_parts_of_heads_and_into_blocks) {
  Random random(22);
  const Tensor x = random.tensor({2, 3, 12});
  for (const std::vector<std::int64_t>& parts :
       {std::vector<std::int64_t>{1, 3, 2}, std::vector<std::int64_t>{7, 1, 4}})
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const Tensor dy = random.tensor(split(x, parts, k).shape);
      check_vjp([&](const auto& in) { return split(in[0], parts, k); }, {x}, dy,
                {split_vjp(dy, x.shape, parts, k)});
    }
}

BOOST_AUTO_TEST_CASE(join_of_parts_of_heads_and_of_blocks) {
  Random random(23);
  const Tensor a = random.tensor({2, 3, 4}), b = random.tensor({2, 3, 2});
  const Tensor dy = random.tensor({2, 3, 6});
  for (const std::vector<std::int64_t>& parts :
       {std::vector<std::int64_t>{2, 1}, std::vector<std::int64_t>{4, 2}})
    check_vjp(
        [&](const auto& in) {
          return join(std::vector{in[0], in[1]}, parts);
        },
        {a, b}, dy, {join_vjp(dy, parts, 0), join_vjp(dy, parts, 1)});
}

BOOST_AUTO_TEST_CASE(features_repeated_for_every_head) {
  Random random(24);
  const Tensor x = random.tensor({2, 3, 4}), dy = random.tensor({2, 3, 12});
  check_vjp([](const auto& in) { return repeat_heads(in[0], 3); }, {x}, dy,
            {repeat_heads_vjp(dy, 3)});
}

BOOST_AUTO_TEST_CASE(bias) {
  Random random(3);
  const Tensor x = random.tensor({2, 3, 4}), b = random.tensor({4});
  const Tensor dy = random.tensor({2, 3, 4});

  check_vjp([](const auto& in) { return add_bias(in[0], in[1]); }, {x, b}, dy,
            {dy, bias_vjp(dy, 1)});
}

BOOST_AUTO_TEST_CASE(embedding_weight) {
  Random random(4);
  const Tensor w = random.tensor({6, 3}), dy = random.tensor({2, 4, 3});
  const Tokens tokens = random.tokens({2, 4}, 6);

  check_vjp([&](const auto& in) { return embedding(in[0], tokens); }, {w}, dy,
            {embedding_vjp_weight(dy, tokens, 6, 1)});
}

BOOST_AUTO_TEST_CASE(rotary_position) {
  Random random(5);
  const Tensor x = random.tensor({2, 5, 12}), dy = random.tensor({2, 5, 12});
  const RotaryTables tables = rotary_tables(5, 6, 50.0);

  check_vjp([&](const auto& in) { return rotary(in[0], tables.cos, tables.sin); }, {x}, dy,
            {rotary_vjp(dy, tables.cos, tables.sin)});
}

BOOST_AUTO_TEST_CASE(grouped_query_attention) {
  Random random(6);
  const Tensor q = random.tensor({2, 5, 12}), k = random.tensor({2, 5, 6});
  const Tensor v = random.tensor({2, 5, 6}), dy = random.tensor({2, 5, 12});
  const AttentionGradients gradients = attention_vjp(dy, q, k, v, 3);  // 4 heads over 2

  check_vjp([](const auto& in) { return attention(in[0], in[1], in[2], 3).output; }, {q, k, v}, dy,
            {gradients.q, gradients.k, gradients.v});
}

BOOST_AUTO_TEST_CASE(rotary_position_of_a_part_of_each_head_in_either_pairing) {
  Random random(15);
  const Tensor x = random.tensor({2, 5, 12}), dy = random.tensor({2, 5, 12});
  const RotaryTables tables = rotary_tables(5, 4, 50.0);
  for (const RotaryPairing pairing : {RotaryPairing::half, RotaryPairing::interleaved}) {
    const RotaryForm form{.head_dim = 6, .pairing = pairing};
    check_vjp([&](const auto& in) { return rotary(in[0], tables.cos, tables.sin, form); }, {x}, dy,
              {rotary_vjp(dy, tables.cos, tables.sin, form)});
  }
}

BOOST_AUTO_TEST_CASE(attention_with_other_value_heads_a_scale_a_window_and_slopes) {
  Random random(16);
  const Tensor q = random.tensor({2, 5, 12}), k = random.tensor({2, 5, 12});
  const Tensor v = random.tensor({2, 5, 8}), dy = random.tensor({2, 5, 8});
  const Tensor slopes = alibi_slopes(4);
  const AttentionForm form{.head_dim = 3, .v_head_dim = 2, .scale = 0.7, .window = 3};
  const AttentionGradients gradients = attention_vjp(dy, q, k, v, form, &slopes);

  check_vjp([&](const auto& in) { return attention(in[0], in[1], in[2], form, &slopes).output; },
            {q, k, v}, dy, {gradients.q, gradients.k, gradients.v});
}

BOOST_AUTO_TEST_CASE(swiglu_gate_and_up) {
  Random random(7);
  Tensor gate = random.tensor({3, 7});
  gate[0] = 40, gate[1] = -40, gate[2] = -1.2784645427610738;  // where d(g sigmoid(g))/dg vanishes
  const Tensor up = random.tensor({3, 7}), dy = random.tensor({3, 7});
  const SwigluGradients gradients = swiglu_vjp(dy, gate, up);

  check_vjp([](const auto& in) { return swiglu(in[0], in[1]); }, {gate, up}, dy,
            {gradients.gate, gradients.up});
}

BOOST_AUTO_TEST_CASE(cross_entropy_logits) {
  Random random(8);
  const Tensor logits = random.tensor({4, 3, 6}), dloss = random.tensor({2});
  const Tokens labels = shift_labels(random.tokens({4, 3}, 6));

  check_vjp([&](const auto& in) { return cross_entropy(in[0], labels, 2); }, {logits}, dloss,
            {cross_entropy_vjp(dloss, logits, labels)});
  check_vjp([&](const auto& in) { return squared_error(in[0], labels, 2); }, {logits}, dloss,
            {squared_error_vjp(dloss, logits, labels)});
}

BOOST_AUTO_TEST_CASE(a_batch_groups_weight_gradient_is_that_of_its_own_rows) {
  Random random(9);
  const std::int64_t groups = 3;
  const Tensor x = random.tensor({groups, 2, 5}), dy = random.tensor({groups, 2, 5});
  const Tokens tokens = random.tokens({groups, 2}, 4);
  for (std::int64_t group = 0; group < groups; ++group) {
    Tensor alone(dy.shape);  // dy, zero outside the group
    for (std::int64_t i = group * 10; i < (group + 1) * 10; ++i) alone[i] = dy[i];

    const auto check = [&](const Tensor& apart, const Tensor& together) {
      const auto size = static_cast<std::ptrdiff_t>(together.size());
      const auto begin = apart.values.begin() + static_cast<std::ptrdiff_t>(group) * size;
      BOOST_TEST(std::vector<double>(begin, begin + size) == together.values);
    };
    check(rms_norm_vjp_weight(dy, x, 0.1, groups), rms_norm_vjp_weight(alone, x, 0.1, 1));
    check(bias_vjp(dy, groups), bias_vjp(alone, 1));
    check(embedding_vjp_weight(dy, tokens, 4, groups), embedding_vjp_weight(alone, tokens, 4, 1));
    const PlainLoops plain;  // so that zeros change no bit
    check(matmul_vjp_weight(dy, x, groups), matmul_vjp_weight(alone, x, 1));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
