// Values and bounds worked out by hand.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "reference/bounds/bounds.hpp"
#include "reference/bounds/replay.hpp"
#include "scenarios/data/safetensors.hpp"
#include "scenarios/errors.hpp"
#include "tests/support/optimizer_goldens.hpp"

namespace shardproof::reference {
namespace {

struct Argument {
  Shape shape;
  std::vector<double> values;
};

UnitResult run(UnitKind kind, const std::vector<Argument>& arguments,
               const UnitPrecision& precision, const UnitAttributes& attributes = {}) {
  std::vector<Operand> operands;
  for (const Argument& argument : arguments) operands.push_back({argument.shape, argument.values});
  return replay(kind, attributes, precision, operands);
}

constexpr UnitPrecision bf16{.output = Dtype::bf16, .compute = Dtype::fp32, .hop = Dtype::bf16};
constexpr UnitPrecision fp32{.output = Dtype::fp32, .compute = Dtype::fp32, .hop = Dtype::fp32};
constexpr UnitPrecision fp64{};
constexpr double u = 0x1p-24, v = 0x1p-8, inflation = 1 + 0x1p-20;

void expect_values(const UnitResult& result, const std::vector<double>& expected) {
  BOOST_TEST(result.value == expected, boost::test_tools::per_element());
}
void expect_close(double got, double expected) {
  BOOST_TEST(std::fabs(got - expected) <= 1e-9 * std::fabs(expected),
             got << " is not " << expected);
}

BOOST_AUTO_TEST_SUITE(replay_values)

BOOST_AUTO_TEST_CASE(every_kind_has_a_name_and_refuses_a_wrong_number_of_arguments) {
  for (int kind = 0; kind <= static_cast<int>(UnitKind::sgd); ++kind) {
    BOOST_TEST(std::string(name_of(static_cast<UnitKind>(kind))).size() > 0);
    const std::vector<Argument> eight(8, Argument{{1}, {1.0}});
    const auto any_number = [](UnitKind k) {
      return k == UnitKind::nonfinite || k == UnitKind::sum_of_squares || k == UnitKind::join ||
             k == UnitKind::moe_combine || k == UnitKind::moe_dispatch_backward ||
             k == UnitKind::moe_combine_backward_weights;
    };
    if (!any_number(static_cast<UnitKind>(kind)))
      BOOST_CHECK_THROW(run(static_cast<UnitKind>(kind), eight, fp64), InvariantError);
  }
}

BOOST_AUTO_TEST_CASE(a_product_of_bf16_numbers_allows_one_rounding_less_than_terms) {
  // (1 2 3) . (4 -5 6) = 12, S = 32; q = 0.
  const auto result = run(UnitKind::matmul, {{{1, 3}, {1, 2, 3}}, {{1, 3}, {4, -5, 6}}}, bf16);
  BOOST_TEST((result.shape == Shape{1, 1}));
  expect_values(result, {12});
  expect_close(result.bound[0], 2 * u * 32 * inflation);
  BOOST_TEST(result.error[0] <= 2 * 0x1p-53 * 32 * inflation * (1 + 1e-9));
  BOOST_TEST(result.sound);
}

BOOST_AUTO_TEST_CASE(a_product_of_fp32_numbers_rounds_its_terms_too) {
  const double x = 1 + 0x1p-20;  // x * x needs 41 bits
  const auto result = run(UnitKind::matmul, {{{1, 2}, {x, 1}}, {{1, 2}, {x, 1}}}, fp32);
  expect_close(result.bound[0], (1 + 1) * u * (x * x + 1) * inflation);
}

BOOST_AUTO_TEST_CASE(a_product_of_partials_adds_their_roundings_but_not_the_last) {
  UnitPrecision two = bf16;
  two.partials = 2;
  const Argument x{{1, 4}, {1, 1, 1, 1}}, weight{{1, 4}, {1, 2, 3, 4}};  // S = 10, two terms each
  const double local = 1 * u * 10;
  expect_close(run(UnitKind::matmul, {x, weight}, two).bound[0],
               (local + v * (10 + local)) * inflation);
  two.hop = Dtype::fp32;  // the sum is rounded in fp32, then to bf16
  const double before = local + v * (10 + local);
  expect_close(run(UnitKind::matmul, {x, weight}, two).bound[0],
               (before + u * (10 + before)) * inflation);
}

BOOST_AUTO_TEST_CASE(the_gradient_of_a_weight_keeps_batch_groups_apart) {
  // Two rows of dy (2) and x (1), one a group.
  const Argument dy{{2, 1, 2}, {1, 2, 3, 4}}, x{{2, 1, 1}, {10, 100}};
  const auto apart = run(UnitKind::matmul_backward_weight, {dy, x}, fp64, {.groups = 2});
  BOOST_TEST((apart.shape == Shape{2, 2, 1}));
  expect_values(apart, {10, 20, 300, 400});
  const auto together = run(UnitKind::matmul_backward_weight, {dy, x}, fp64);
  BOOST_TEST((together.shape == Shape{2, 1}));
  expect_values(together, {310, 420});
}

BOOST_AUTO_TEST_CASE(the_gradient_of_an_input_multiplies_by_the_weight) {
  const Argument dy{{1, 2}, {1, 10}}, weight{{2, 3}, {1, 2, 3, 4, 5, 6}};
  expect_values(run(UnitKind::matmul_backward_input, {dy, weight}, bf16), {41, 52, 63});
}

BOOST_AUTO_TEST_CASE(single_roundings_are_bitwise) {
  const auto sum = run(UnitKind::add, {{{2}, {1, 256}}, {{2}, {0x1p-9, 1}}}, bf16);
  BOOST_TEST(sum.bound.empty());
  expect_values(sum, {1, 256});  // ties to even: 257 lies between 256 and 258
  expect_values(run(UnitKind::add_bias, {{{2, 2}, {1, 2, 3, 4}}, {{2}, {10, 20}}}, bf16),
                {11, 22, 13, 24});
  expect_values(run(UnitKind::negate, {{{2}, {1, -2}}}, bf16), {-1, 2});
  expect_values(run(UnitKind::multiply, {{{2}, {3, 5}}, {{}, {0.5}}}, bf16), {1.5, 2.5});
  expect_values(run(UnitKind::divide, {{{1}, {1}}}, fp32, {.factor = 3}),
                {static_cast<double>(1.0F / 3.0F)});
  // The factor is rounded before it is used: RN(1/3) * 3 is 1 in fp32.
  expect_values(run(UnitKind::scale, {{{1}, {3}}}, fp32, {.factor = 1.0 / 3}),
                {static_cast<double>(3.0F * static_cast<float>(1.0 / 3))});
  expect_values(run(UnitKind::cast, {{{1}, {1 + 0x1p-8 + 0x1p-20}}}, bf16), {1 + 0x1p-7});
}

BOOST_AUTO_TEST_CASE(labels_are_the_next_tokens_and_the_last_is_ignored) {
  const UnitPrecision integers{.output = Dtype::int64};
  expect_values(run(UnitKind::shift_labels, {{{2, 3}, {1, 2, 3, 4, 5, 6}}}, integers),
                {2, 3, -100, 5, 6, -100});
  UnitAttributes padded;
  padded.padding = 5;
  expect_values(run(UnitKind::shift_labels, {{{2, 3}, {5, 2, 5, 4, 5, 6}}}, integers, padded),
                {2, -100, -100, -100, 6, -100});
}

BOOST_AUTO_TEST_CASE(an_embedding_gathers_rows_and_its_gradient_adds_them) {
  const Argument weight{{3, 2}, {1, 2, 3, 4, 5, 6}};
  expect_values(run(UnitKind::embedding, {weight, {{1, 2}, {2, 0}}}, bf16), {5, 6, 1, 2});
  BOOST_CHECK_THROW(run(UnitKind::embedding, {weight, {{1, 1}, {3}}}, bf16), InvariantError);

  const Argument dy{{1, 6, 1}, {1, 2, 4, 8, 16, 32}}, tokens{{1, 6}, {0, 1, 1, 2, 2, 2}};
  const auto gradient = run(UnitKind::embedding_backward, {dy, tokens}, bf16, {.extent = 4});
  BOOST_TEST((gradient.shape == Shape{4, 1}));
  expect_values(gradient, {1, 6, 56, 0});
  const std::vector<double> bound{0, 0, 2 * u * 56 * inflation, 0};
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(gradient.bound[i] == bound[i]);

  UnitAttributes padded{.extent = 4};
  padded.padding = 2;
  const auto held = run(UnitKind::embedding_backward, {dy, tokens}, bf16, padded);
  expect_values(held, {1, 6, 0, 0});
  BOOST_TEST(std::ranges::all_of(held.bound, [](double b) { return b == 0; }));
}

BOOST_AUTO_TEST_CASE(a_mean_of_two_is_replayed_in_both_forms) {
  const double odd = 1 + 0x1p-7;
  const Argument pair{{2, 1}, {odd, 1}};
  // 0.50390625 + 0.5 = 1.00390625, a tie: 1. The sum first: 2 + 2^-7 is a tie as well: 2, halved 1.
  for (const MeanForm form : {MeanForm::divide_before, MeanForm::multiply_after}) {
    const auto mean = run(UnitKind::mean, {pair}, bf16, {.mean_form = form});
    BOOST_TEST(mean.bound.empty());
    expect_values(mean, {1});
  }
}

BOOST_AUTO_TEST_CASE(a_mean_of_three_has_its_terms_or_its_sum_rounded_first) {
  const Argument three{{3, 1}, {1, 1, 1}};
  const double third = round_to(Dtype::bf16, static_cast<double>(1.0F / 3.0F));
  const auto before = run(UnitKind::mean, {three}, bf16, {.mean_form = MeanForm::divide_before});
  expect_values(before, {third + third + third});
  expect_close(before.bound[0], v * 3 * third * inflation);  // one addition before the last
  const auto after = run(UnitKind::mean, {three}, bf16, {.mean_form = MeanForm::multiply_after});
  expect_values(after, {3 * static_cast<double>(static_cast<float>(1.0 / 3))});
  BOOST_TEST(after.bound[0] > v);
  BOOST_TEST(after.bound[0] < 2.1 * v);
}

// The terms 1/2 + 2^-11 and 1/2 are numbers of fp32; in bf16 they are 1/2 both.
BOOST_AUTO_TEST_CASE(a_mean_that_travels_in_another_dtype_has_its_terms_rounded_to_it) {
  const Argument pair{{2, 1}, {1 + 0x1p-10, 1}};
  UnitPrecision precision{.output = Dtype::fp32, .compute = Dtype::fp32, .hop = Dtype::fp32};
  const UnitAttributes divided{.mean_form = MeanForm::divide_before};
  expect_values(run(UnitKind::mean, {pair}, precision, divided), {1 + 0x1p-11});

  precision.hop = Dtype::bf16;

  expect_values(run(UnitKind::mean, {pair}, precision, divided), {1});
  expect_values(run(UnitKind::mean, {{{1, 1}, {1 + 0x1p-10}}}, precision, divided), {1 + 0x1p-10});
}

BOOST_AUTO_TEST_CASE(a_norm_of_three_and_four) {
  // mean square (9 + 16) / 2 = 12.5, R = 12.5^(-1/2).
  const Argument x{{1, 2}, {3, 4}}, weight{{2}, {1, 2}};
  const double R = 1 / std::sqrt(12.5);
  const auto y = run(UnitKind::rms_norm, {x, weight}, bf16);
  expect_close(y.value[0], 3 * R);
  expect_close(y.value[1], 8 * R);
  const double rho = (1 + 0 + 3) * u / 2 + 2 * u;
  expect_close(y.bound[1], 8 * R * (rho + 2 * u) / (1 - rho - 2 * u) * inflation);
  // dx = R (g - X mean(g X)), g = (1, 0): mean = 3 R / 2, dx = (R - 4.5 R^3, -6 R^3).
  const auto dx =
      run(UnitKind::rms_norm_backward_input, {{{1, 2}, {1, 0}}, x, {{2}, {1, 1}}}, fp64);
  expect_close(dx.value[0], R - 4.5 * R * R * R);
  expect_close(dx.value[1], -6 * R * R * R);
  const auto dw = run(UnitKind::rms_norm_backward_weight, {{{1, 2}, {1, 10}}, x}, fp64);
  expect_close(dw.value[0], 3 * R);
  expect_close(dw.value[1], 40 * R);
}

BOOST_AUTO_TEST_CASE(a_pair_is_rotated_and_rotated_back) {
  const Argument cos{{1, 1}, {0.5}}, sin{{1, 1}, {0.25}};
  expect_values(run(UnitKind::rotary, {{{1, 1, 2}, {4, 8}}, cos, sin}, bf16), {0, 5});
  expect_values(run(UnitKind::rotary_backward, {{{1, 1, 2}, {4, 8}}, cos, sin}, bf16), {4, 3});
  const auto bound = run(UnitKind::rotary, {{{1, 1, 2}, {4, 8}}, cos, sin}, bf16).bound;
  expect_close(bound[0], u * 4 * inflation);
}

BOOST_AUTO_TEST_CASE(a_rotary_table_starts_with_the_position_itself) {
  const UnitAttributes attributes{.head_dim = 4, .extent = 3, .frequencies = {.theta = 100}};
  const auto cos = run(UnitKind::rotary_table_cos, {}, fp32, attributes);
  BOOST_TEST((cos.shape == Shape{3, 2}));
  expect_close(cos.value[2], std::cos(1.0));
  expect_close(cos.value[5], std::cos(0.2));  // position 2, 100^(-1/2) = 1/10
  expect_close(run(UnitKind::rotary_table_sin, {}, fp32, attributes).value[5], std::sin(0.2));
}

BOOST_AUTO_TEST_CASE(attention_of_equal_scores_is_the_mean_of_the_values) {
  const Argument q{{1, 2, 1}, {0, 0}}, k{{1, 2, 1}, {3, 5}}, values{{1, 2, 1}, {1, 2}};
  const UnitAttributes attributes{.attention = {.head_dim = 1}};
  const auto o = run(UnitKind::attention, {q, k, values}, bf16, attributes);
  expect_close(o.value[0], 1);  // causal: the first sees itself
  expect_close(o.value[1], 1.5);
  const auto lse = run(UnitKind::attention_lse, {q, k}, fp32, attributes);
  BOOST_TEST((lse.shape == Shape{1, 1, 2}));
  BOOST_TEST(lse.value[0] == 0);
  expect_close(lse.value[1], std::log(2.0));
  // P = (1/2, 1/2), dO = 1, dP = (1, 2), D = 1.5, dS = (-1/4, 1/4): dQ = 5/4 - 3/4.
  const std::vector<Argument> backward{
      {{1, 2, 1}, {0, 1}}, q, k, values, {{1, 2, 1}, {1, 1.5}}, {{1, 1, 2}, {0, std::log(2.0)}}};
  expect_close(run(UnitKind::attention_backward_q, backward, fp64, attributes).value[1], 0.5);
  expect_close(run(UnitKind::attention_backward_v, backward, fp64, attributes).value[0], 0.5);
  expect_values(run(UnitKind::attention_backward_k, backward, fp64, attributes), {0, 0});
}

BOOST_AUTO_TEST_CASE(swiglu_at_zero_and_its_derivatives) {
  const Argument zero{{1}, {0}}, three{{1}, {3}}, two{{1}, {2}};
  expect_values(run(UnitKind::swiglu, {zero, three}, bf16), {0});
  // d/dg g sigma(g) up at 0 is up / 2.
  expect_values(run(UnitKind::swiglu_backward_gate, {two, zero, three}, bf16), {3});
  expect_close(run(UnitKind::swiglu_backward_up, {two, three, zero}, bf16).value[0],
               6 / (1 + std::exp(-3.0)));
}

BOOST_AUTO_TEST_CASE(cross_entropy_of_equal_logits_is_the_logarithm_of_the_classes) {
  const Argument logits{{2, 1, 4}, {1, 1, 1, 1, 0, 0, 0, 0}}, labels{{2, 1}, {2, -100}};
  const auto loss = run(UnitKind::cross_entropy, {logits, labels}, fp32);
  expect_close(loss.value[0], std::log(4.0));
  const auto gradient =
      run(UnitKind::cross_entropy_backward, {logits, labels}, fp32, {.factor = 0.5});
  expect_close(gradient.value[0], 0.125);
  expect_close(gradient.value[2], -0.375);
  for (std::size_t i = 4; i < 8; ++i) BOOST_TEST(gradient.value[i] + gradient.bound[i] == 0);
}

BOOST_AUTO_TEST_CASE(squared_error_is_half_the_squared_distance_from_one_hot) {
  const Argument logits{{2, 1, 3}, {3, 0, 1, 9, 9, 9}}, labels{{2, 1}, {0, -100}};
  const auto loss = run(UnitKind::squared_error, {logits, labels}, fp32);
  expect_close(loss.value[0], (4 + 0 + 1) / 2.0);
  BOOST_TEST(loss.bound[0] > 0);
  const auto gradient =
      run(UnitKind::squared_error_backward, {logits, labels}, fp32, {.factor = 0.5});
  expect_close(gradient.value[0], 1);
  expect_close(gradient.value[2], 0.5);
  for (std::size_t i = 3; i < 6; ++i) BOOST_TEST(gradient.value[i] + gradient.bound[i] == 0);
}

BOOST_AUTO_TEST_CASE(norm_and_clip_are_computed_in_fp64) {
  const auto sum = run(UnitKind::sum_of_squares, {{{2}, {3, 4}}, {{1}, {12}}}, fp64);
  expect_values(sum, {169});
  expect_values(run(UnitKind::square_root, {{{}, {169}}}, fp32), {13});
  expect_values(run(UnitKind::clip_factor, {{{}, {0.5}}}, fp32, {.factor = 1}), {1});
  expect_values(run(UnitKind::clip_factor, {{{}, {4}}}, fp32, {.factor = 1}),
                {static_cast<double>(static_cast<float>(1 / 4.000001))});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(std::isnan(run(UnitKind::clip_factor, {{{}, {nan}}}, fp32, {.factor = 1}).value[0]));
  expect_values(run(UnitKind::nonfinite, {{{1}, {1}}, {{2}, {2, nan}}}, fp32), {1});
  expect_values(run(UnitKind::nonfinite, {{{1}, {1}}, {{2}, {2, 3}}}, fp32), {0});
}

BOOST_AUTO_TEST_CASE(adamw_rounds_every_operation) {
  const auto moments = run(UnitKind::exp_avg, {{{1}, {2}}, {{1}, {-1}}}, fp32, {.factor = 0.9});
  const float m = 0.9F * 2 + static_cast<float>(1 - 0.9) * -1;
  expect_values(moments, {static_cast<double>(m)});
  const auto squares = run(UnitKind::exp_avg_sq, {{{1}, {2}}, {{1}, {3}}}, fp32, {.factor = 0.99});
  const float s = 0.99F * 2 + (static_cast<float>(1 - 0.99) * 3) * 3;
  expect_values(squares, {static_cast<double>(s)});
  // (m / c1) / (sqrt(v / c2) + eps) = (1 / 0.5) / (sqrt(4) + 0.5) = 0.8; + 0.5 * 2 = 1.8.
  const auto p = run(UnitKind::adamw,
                     {{{1}, {2}}, {{1}, {1}}, {{1}, {1}}, {{}, {0.5}}, {{}, {0.5}}, {{}, {0.25}}},
                     fp64, {.eps = 0.5, .weight_decay = 0.5});
  expect_values(p, {2 - 0.5 * (2 / 2.5 + 1)});
}

BOOST_AUTO_TEST_CASE(torchs_form_fuses_its_multiply_adds_and_rounds_coefficients_once) {
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, half an ulp of fp32 above: what is added tips it, though
  // fp64 would not see it. A product that is rounded by itself falls to 1 + 2^-11.
  const double x = 1 + 0x1p-12, tip = 0x1p-60;
  const double fused = static_cast<double>(
      std::fma(static_cast<float>(x), static_cast<float>(x), static_cast<float>(tip)));
  BOOST_TEST(fused == 1 + 0x1p-11 + 0x1p-23);
  expect_values(run(UnitKind::torch_decay, {{{1}, {tip}}, {{1}, {x}}}, fp32, {.factor = x}),
                {fused});
  expect_values(run(UnitKind::decay, {{{1}, {tip}}, {{1}, {x}}}, fp32, {.factor = x}),
                {1 + 0x1p-11});
  // v = 2 (1 - 1) + (1/2 * 3) * 3, and from 1 half the way to 3.
  expect_values(run(UnitKind::torch_exp_avg_sq, {{{1}, {2}}, {{1}, {3}}}, fp64, {.factor = 0.5}),
                {5.5});
  expect_values(run(UnitKind::torch_exp_avg, {{{1}, {1}}, {{1}, {3}}}, fp64, {.factor = 0.75}),
                {1.5});
  expect_values(run(UnitKind::torch_exp_avg, {{{1}, {1}}, {{1}, {3}}}, fp64, {.factor = 0.25}),
                {2.5});
  // 2 (1 - 0.5 * 0.5) - (0.5 / 0.5) * 1 / (sqrt(4) / 0.5 + 1)
  const std::vector<Argument> step{{{1}, {2}},  {{1}, {1}},  {{1}, {4}},
                                   {{}, {0.5}}, {{}, {0.5}}, {{}, {0.5}}};
  expect_values(run(UnitKind::torch_adamw, step, fp64, {.eps = 1, .weight_decay = 0.5}),
                {1.5 - 1.0 / 5});
  // 1 - 0.1 * 9 is rounded to fp32 once: of a rate that was rounded before, another number is left.
  const std::vector<Argument> decay{{{1}, {1}},  {{1}, {0}},  {{1}, {1}},
                                    {{}, {0.1}}, {{}, {0.5}}, {{}, {0.5}}};
  expect_values(run(UnitKind::torch_adamw, decay, fp32, {.eps = 1, .weight_decay = 9}),
                {static_cast<double>(static_cast<float>(1 - 0.1 * 9))});
}

// torch's own numbers, each step replayed from the state that torch itself was in.
BOOST_AUTO_TEST_CASE(steps_of_torchs_form_are_replayed_to_torchs_bits) {
  const Safetensors torch("oracle/vectors/torch_adam.safetensors");
  const auto read = [&](const std::string& key) {
    const Shape& shape = torch.tensors().at(key).shape;
    return Argument{shape, torch.read(key, whole(shape))};
  };
  for (const auto& [dtype, precision] : {std::pair{"fp32/", fp32}, {"fp64/", fp64}})
    for (const auto& [name, config] : tests::torch_form_cases())
      for (int step = 0; step < 4; ++step) {
        const std::string at = std::to_string(step), folder = dtype + name + "/";
        const auto before = [&](const std::string& what) {
          const std::string key = folder + std::to_string(step - 1) + "/" + what;
          return step > 0 ? read(key) : Argument{{45}, std::vector<double>(45)};
        };
        const auto is_torchs = [&](const UnitResult& result, const std::string& what) {
          BOOST_TEST(result.value == read(folder + at + "/" + what).values, folder + at + what);
        };
        const bool adamw = config.kind == OptimizerConfig::Kind::adamw;
        const Argument p = step > 0 ? before("parameter") : read(dtype + std::string("initial"));
        Argument g = read(dtype + at + "/gradient");
        if (!adamw)
          g.values =
              run(UnitKind::torch_decay, {g, p}, precision, {.factor = config.weight_decay}).value;
        is_torchs(run(UnitKind::torch_exp_avg, {before("exp_avg"), g}, precision,
                      {.factor = config.beta1}),
                  "exp_avg");
        is_torchs(run(UnitKind::torch_exp_avg_sq, {before("exp_avg_sq"), g}, precision,
                      {.factor = config.beta2}),
                  "exp_avg_sq");
        const Argument c1{{1}, {1 - std::pow(config.beta1, step + 1)}};
        const Argument root{{1}, {std::pow(1 - std::pow(config.beta2, step + 1), 0.5)}};
        const std::string now = folder + at + "/";
        is_torchs(
            run(UnitKind::torch_adamw,
                {p, read(now + "exp_avg"), read(now + "exp_avg_sq"), read(at + "/lr"), c1, root},
                precision,
                {.eps = config.epsilon, .weight_decay = adamw ? config.weight_decay : 0}),
            "parameter");
      }
}

BOOST_AUTO_TEST_CASE(decay_momentum_and_sgd_round_every_operation) {
  const double third = 1.0F / 3;
  const float sum = 0.1F * static_cast<float>(third) + 2;
  for (const UnitKind kind : {UnitKind::decay, UnitKind::momentum, UnitKind::nesterov})
    expect_values(run(kind, {{{1}, {2}}, {{1}, {third}}}, fp32, {.factor = 0.1}),
                  {static_cast<double>(sum)});
  const float stepped = 2 - 0.1F * static_cast<float>(third);
  expect_values(run(UnitKind::sgd, {{{1}, {2}}, {{1}, {third}}, {{}, {0.1}}}, fp32),
                {static_cast<double>(stepped)});
  // 3 + 0.5 * 4, then 8 - 0.25 * 5
  expect_values(run(UnitKind::momentum, {{{1}, {3}}, {{1}, {4}}}, fp64, {.factor = 0.5}), {5});
  expect_values(run(UnitKind::sgd, {{{1}, {8}}, {{1}, {5}}, {{}, {0.25}}}, fp64), {6.75});
}

BOOST_AUTO_TEST_CASE(a_sum_that_may_overflow_its_accumulator_says_so) {
  const double big = 0x1p127;
  const Argument x{{1, 2}, {big, big}}, weight{{1, 2}, {1, -1}};
  BOOST_TEST(run(UnitKind::matmul, {x, weight}, fp32).may_overflow == std::vector<bool>{true});
  BOOST_TEST(run(UnitKind::matmul, {x, weight}, fp64).may_overflow.empty());
  // Two partial products of fp16 whose sum is zero: each is infinite already.
  UnitPrecision halves{.output = Dtype::fp16, .compute = Dtype::fp32};
  const Argument large{{1, 2}, {60000, 60000}}, twice{{1, 2}, {2, -2}};
  BOOST_TEST(run(UnitKind::matmul, {large, twice}, halves).may_overflow.empty());
  halves.partials = 2;
  halves.hop = Dtype::fp16;
  const UnitResult summed = run(UnitKind::matmul, {large, twice}, halves);
  BOOST_TEST(summed.may_overflow == std::vector<bool>{true});
  BOOST_TEST(summed.sound);
}

// Partial sums of heads on two ranks are kept in fp16: 60000 + 60000 is inf there, 6 + 6 is not.
BOOST_AUTO_TEST_CASE(a_gradient_of_a_norm_says_element_by_element_where_it_may_overflow) {
  UnitPrecision halves{.output = Dtype::fp16, .compute = Dtype::fp32, .hop = Dtype::fp16};
  halves.partials = 2;
  const Argument dy{{2, 2}, {60000, 6, 60000, 6}}, x{{2, 2}, {1, 1, 1, 1}};
  const UnitResult summed = run(UnitKind::rms_norm_backward_weight, {dy, x}, halves);
  BOOST_TEST(summed.sound);
  BOOST_TEST(summed.may_overflow == (std::vector<bool>{true, false}));
  expect_close(summed.value[1], 12);

  halves.partials = 1;  // in fp32 on the way, and one rounding at the end
  BOOST_TEST(run(UnitKind::rms_norm_backward_weight, {dy, x}, halves).may_overflow.empty());
}

BOOST_AUTO_TEST_CASE(what_stays_infinite_on_the_way_is_told_of_every_unit_that_sums) {
  const double big = 0x1p127;
  const auto overflows = [](UnitKind kind, const std::vector<Argument>& arguments) {
    const UnitResult result = run(kind, arguments, fp32);
    BOOST_TEST(result.sound, name_of(kind));
    return result.may_overflow;
  };
  const Argument x{{2, 2}, {3, 1, 1, 2}}, weight{{2}, {1, 1}};
  const Argument dy{{2, 2}, {big, -big, 1, 1}};
  const std::vector<bool> first_row{true, true, false, false}, both{true, true};
  const Argument alike{{2, 2}, {3, -3, 1, 2}};
  BOOST_TEST(overflows(UnitKind::rms_norm_backward_input, {dy, alike, weight}) == first_row);
  BOOST_TEST(overflows(UnitKind::layer_norm_backward_input, {dy, x, weight}) == first_row);
  const Argument twice{{2, 2}, {big, big, big, big}}, up{{2, 2}, {1, 4, -1, 0}};
  BOOST_TEST(overflows(UnitKind::layer_norm_backward_weight, {twice, x}) == both);
  BOOST_TEST(overflows(UnitKind::swiglu_backward_gate, {twice, x, up}) ==
             (std::vector<bool>{false, true, false, false}));
}

// 90000 is no number of fp16, although a third of it is.
BOOST_AUTO_TEST_CASE(a_mean_whose_sum_leaves_the_range_of_its_storage_is_infinite) {
  UnitPrecision wide{.output = Dtype::fp16, .compute = Dtype::fp32, .hop = Dtype::fp32};
  const UnitAttributes after{.mean_form = MeanForm::multiply_after};
  const Argument terms{{3, 3}, {30000, 20000, -30000, 30000, 20000, -30000, 30000, 5, -30000}};
  const UnitResult mean = run(UnitKind::mean, {terms}, wide, after);
  BOOST_TEST(mean.value[0] == INFINITY);
  BOOST_TEST(mean.value[2] == -INFINITY);
  BOOST_TEST(std::isfinite(mean.value[1]));
  BOOST_TEST(mean.sound);
  BOOST_TEST(mean.may_overflow == (std::vector<bool>{true, false, true}));

  const UnitAttributes before{.mean_form = MeanForm::divide_before};
  BOOST_TEST(std::isfinite(run(UnitKind::mean, {terms}, wide, before).value[0]));
}

// Scores of 1e10, of which nothing is known to a thousand: what is left is that probabilities sum
// to one, and that a log-sum-exp moves no further than its scores.
BOOST_AUTO_TEST_CASE(attention_of_scores_that_may_be_anything_lies_among_its_values) {
  const Argument q{{1, 2, 2}, {1e5, 1e5, 1e5, 1e5}}, k{{1, 2, 2}, {1e5, 1e5, 1e5, 1e5}};
  const Argument values{{1, 2, 2}, {7, -3, 1, 5}};
  UnitAttributes attributes;
  attributes.attention.head_dim = 2;
  const UnitResult out = run(UnitKind::attention, {q, k, values}, fp32, attributes);
  BOOST_TEST(out.sound);
  expect_values(out, {7, -3, 4, 1});
  BOOST_TEST(out.bound[2] >= 4 + 7);
  BOOST_TEST(out.bound[2] <= (4 + 7) * (1 + 1e-5));
  BOOST_TEST(out.bound[3] <= (1 + 5) * (1 + 1e-5));

  const UnitResult lse = run(UnitKind::attention_lse, {q, k}, fp32, attributes);
  BOOST_TEST(lse.sound);
  BOOST_TEST(lse.bound[1] > 709);  // of which exp knows nothing
  BOOST_TEST(lse.bound[1] < 1e5);
}

// Outside of a skipped step such a row is unknown. Inside, a kernel's 1 / sqrt(inf) is allowed.
BOOST_AUTO_TEST_CASE(a_norm_whose_squares_may_overflow_may_be_zero) {
  const Argument x{{2, 2}, {1e20, 1e20, 1, 1}}, weight{{2}, {2, 3}}, bias{{2}, {5, 7}};
  const UnitResult y = run(UnitKind::rms_norm, {x, weight}, fp32);
  BOOST_TEST(!y.sound);
  BOOST_TEST(y.bound[0] >= y.value[0]);
  BOOST_TEST(y.bound[2] < 1e-5);
  BOOST_TEST(y.may_overflow == (std::vector<bool>{true, true, false, false}));

  const Argument apart{{1, 2}, {1e20, -1e20}};
  const UnitResult layer = run(UnitKind::layer_norm, {apart, weight, bias}, fp32);
  BOOST_TEST(!layer.sound);
  BOOST_TEST(layer.value[0] - layer.bound[0] <= 5);
  BOOST_TEST(layer.value[0] - layer.bound[0] > 4.9);
}

BOOST_AUTO_TEST_CASE(first_order_sums_beyond_a_half_have_no_bound) {
  BOOST_TEST(compounded(0.25) == 1.0 / 3);
  BOOST_TEST(std::isinf(compounded(0.5)));
}

BOOST_AUTO_TEST_CASE(products_are_exact_if_the_data_say_so) {
  const std::vector<double> narrow{1, 1 + 0x1p-7}, wide{1 + 0x1p-23};
  BOOST_TEST(product_rounding(Dtype::fp32, narrow, narrow) == 0);
  BOOST_TEST(product_rounding(Dtype::fp32, narrow, wide) == 1);
  BOOST_TEST(product_rounding(Dtype::fp64, wide, wide) == 0);
  BOOST_TEST(product_rounding(Dtype::fp64, wide, std::vector<double>{0.1}) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reference
