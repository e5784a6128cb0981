#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/derivatives.hpp"
#include "reference/ops/dual.hpp"
#include "reference/ops/ops.hpp"
#include "reference/run/optimizer.hpp"
#include "tests/reference/random_tensors.hpp"

// Sums of so many terms that adding them one after another would lose four digits and more: the
// oracle's are as good as those of few.
namespace shardproof::reference {

namespace {

constexpr std::int64_t many = 1 << 18;
constexpr double few_roundings = 4 * std::numeric_limits<double>::epsilon();

/// Numbers between 0.7 and 1: no sum of them cancels, and none is exact.
Tensor of_one_sign(const Shape& shape, std::uint32_t seed) {
  testing::Random random(seed);
  Tensor tensor = random.tensor(shape);
  for (double& x : tensor.values) x = std::sqrt(0.5 + 0.5 * std::fabs(std::remainder(x, 2)));
  return tensor;
}

template <class Term>
double long_sum(std::int64_t count, const Term& term) {
  long double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<long double>(term(i));
  return static_cast<double>(sum);
}

void expect_near(double actual, double expected) {
  BOOST_TEST(std::fabs(actual - expected) <= few_roundings * std::fabs(expected),
             actual << " is not " << expected);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(many_terms)

BOOST_AUTO_TEST_CASE(what_an_addition_loses_is_summed_beside_it) {
  CompensatedSum<double> sum;
  for (const double x : {1.0, 1e100, 1.0, -1e100}) sum += x;
  BOOST_TEST(sum.value() == 2.0);

  CompensatedSum<Dual> dual;
  for (const Dual x : {Dual(1, 1e100), Dual(1e100, 1), Dual(0, -1e100), Dual(-1e100, 1)}) dual += x;
  BOOST_TEST(dual.value().value == 1.0);
  BOOST_TEST(dual.value().derivative == 2.0);

  CompensatedSum<double> infinite;
  for (const double x : {1.0, std::numeric_limits<double>::infinity(), 1.0}) infinite += x;
  BOOST_TEST(std::isinf(infinite.value()));
  infinite += -std::numeric_limits<double>::infinity();
  BOOST_TEST(std::isnan(infinite.value()));
}

BOOST_AUTO_TEST_CASE(the_norm_of_all_gradients) {
  const Tensor a = of_one_sign({many}, 1), b = of_one_sign({3, many}, 2);
  const auto square = [](double x) { return static_cast<long double>(x) * x; };
  const long double squares =
      static_cast<long double>(long_sum(many, [&](auto i) { return square(a[i]); })) +
      long_sum(3 * many, [&](auto i) { return square(b[i]); });

  expect_near(global_norm({{"a", a}, {"b", b}}), static_cast<double>(std::sqrt(squares)));
}

BOOST_AUTO_TEST_CASE(the_mean_loss_of_many_tokens) {
  const Tensor logits = of_one_sign({1, many, 2}, 3);
  const Tokens labels({1, many});

  const Tensor loss = cross_entropy(logits, labels, 1);

  expect_near(loss[0], long_sum(many, [&](std::int64_t row) {
                         return log_sum_exp(logits, row) - logits[2 * row];
                       }) / static_cast<double>(many));
}

// Each of the others is less than half an ulp of the first, and they are many.
BOOST_AUTO_TEST_CASE(the_softmax_of_a_large_vocabulary) {
  Tensor logits({1, 1, many});
  for (std::int64_t i = 1; i < many; ++i) logits[i] = -37.5;

  BOOST_TEST(log_sum_exp(logits, 0) > 0.999 * static_cast<double>(many - 1) * std::exp(-37.5));
}

BOOST_AUTO_TEST_CASE(norms_of_a_wide_row) {
  const Tensor x = of_one_sign({1, many}, 5);
  const auto count = static_cast<double>(many);
  const double mean = long_sum(many, [&](auto i) { return x[i] / count; });
  const double squares =
      long_sum(many, [&](auto i) { return static_cast<long double>(x[i]) * x[i]; });
  const double variance =
      long_sum(many, [&](auto i) { return (x[i] - mean) * (x[i] - mean) / count; });

  expect_near(reciprocal_rms(x, 0, many, 0), 1 / std::sqrt(squares / count));
  expect_near(layer_moments(x, 0, 0).mean, mean);
  expect_near(layer_moments(x, 0, 0).r, 1 / std::sqrt(variance));
}

BOOST_AUTO_TEST_CASE(gradients_of_weights_that_all_tokens_share) {
  const Tensor dy = of_one_sign({1, many, 1}, 6), x = of_one_sign({1, many, 1}, 7);
  const double sum = long_sum(many, [&](auto row) { return dy[row]; });

  expect_near(bias_vjp(dy, 1)[0], sum);
  expect_near(embedding_vjp_weight(dy, Tokens({1, many}), 1, 1)[0], sum);
  expect_near(rms_norm_vjp_weight(dy, x, 0, 1)[0], long_sum(many, [&](auto row) {
                return dy[row] * x[row] * reciprocal_rms(x, row, 1, 0);
              }));
}

// All keys are alike: an output is the mean of the values before it, and all read the first value.
BOOST_AUTO_TEST_CASE(attention_over_many_keys) {
  constexpr std::int64_t positions = 2048;
  const Tensor alike({1, positions, 1}), v = of_one_sign({1, positions, 1}, 8);
  const Tensor dout = of_one_sign({1, positions, 1}, 9);

  const Tensor output = attention(alike, alike, v, 1).output;
  const Tensor dv = attention_vjp(dout, alike, alike, v, 1).v;

  const auto p = [](std::int64_t t) { return 1 / static_cast<double>(t + 1); };
  expect_near(output[positions - 1],
              long_sum(positions, [&](auto key) { return p(positions - 1) * v[key]; }));
  expect_near(dv[0], long_sum(positions, [&](auto t) { return p(t) * dout[t]; }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
