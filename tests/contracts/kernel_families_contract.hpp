#pragma once

// The part of the contract that other families than Llama's need: LayerNorm, norms of heads, GELU.

#include <array>
#include <boost/test/unit_test.hpp>
#include <numbers>
#include <vector>

#include "scenarios/errors.hpp"
#include "tests/contracts/within.hpp"

namespace shardproof::contract {

BOOST_AUTO_TEST_SUITE(kernel_families_contract)

// ---- Norms -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(layer_norm_by_hand) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    // Mean 3, deviations -2, 0, 0, 2, variance 2; with eps 2 the root is 2.
    const auto y = device.output(dtype, {1, 4});
    device->layer_norm(device.tensor(dtype, {1, 4}, {1, 3, 3, 5}),
                       device.tensor(dtype, {4}, {1, 2, 3, 4}),
                       device.tensor(dtype, {4}, {10, 20, 30, 40}), y, 2.0);
    BOOST_TEST(device.read(y) == (Values{9, 20, 30, 44}), boost::test_tools::per_element());
  }
}

/// Row by row: (x - mean) / root and, by the quotient rule, its derivatives.
struct NaiveLayerNorm {
  std::int64_t rows, H;
  Reader x;
  double eps;

  double mean(std::int64_t r) const {
    double sum = 0;
    for (std::int64_t i = 0; i < H; ++i) sum += at(x, r * H + i);
    return sum / static_cast<double>(H);
  }
  double root(std::int64_t r) const {
    double sum = 0;
    for (std::int64_t i = 0; i < H; ++i) sum += std::pow(at(x, r * H + i) - mean(r), 2);
    return std::sqrt(sum / static_cast<double>(H) + eps);
  }
  double normal(std::int64_t r, std::int64_t i) const {
    return (at(x, r * H + i) - mean(r)) / root(r);
  }
  /// Numbers below 2 and their mean: what an error of the mean is relative to.
  double size(std::int64_t r) const { return 4 / root(r); }

  Naive forward(Reader w, Reader b) const {
    Naive y(rows * H);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < H; ++i) {
        y.add(r * H + i, at(w, i) * normal(r, i), std::fabs(at(w, i)) * size(r));
        y.add(r * H + i, at(b, i));
      }
    return y;
  }
  Naive backward_weight(Reader dy) const {
    Naive dw(H);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < H; ++i)
        dw.add(i, at(dy, r * H + i) * normal(r, i), std::fabs(at(dy, r * H + i)) * size(r));
    return dw;
  }
  /// d normal_j / d x_i = ([i=j] - 1/H) / root - d_j d_i / (H root^3), d the deviations.
  Naive backward_input(Reader dy, Reader w) const {
    Naive dx(rows * H);
    const auto n = static_cast<double>(H);
    for (std::int64_t r = 0; r < rows; ++r) {
      const double divisor = root(r), reached = (1 + size(r) * size(r)) / n;
      std::vector<double> normals;
      for (std::int64_t i = 0; i < H; ++i) normals.push_back(normal(r, i));
      for (std::int64_t i = 0; i < H; ++i)
        for (std::int64_t j = 0; j < H; ++j) {
          const double g = at(dy, r * H + j) * at(w, j);
          const double both =
              normals[static_cast<std::size_t>(i)] * normals[static_cast<std::size_t>(j)];
          const double jacobian = ((i == j ? 1 : 0) - 1 / n - both / n) / divisor;
          const double reach = (i == j ? 1 : 0) + reached;
          dx.add(r * H + i, g * jacobian, std::fabs(g) * reach / divisor);
        }
    }
    return dx;
  }
};

BOOST_AUTO_TEST_CASE(layer_norm_and_its_gradients_stay_within_their_bounds) {
  std::uint64_t seed = 140;
  for (const Dtype dtype : float_dtypes)
    for (const auto& [rows, H] :
         {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 64}, {9, 33}, {5, 256}}) {
      Device device;
      const double eps = 1e-2;
      const Shape shape = {rows, H};
      const Values x = random_values(dtype, shape, ++seed);
      const Values w = random_values(dtype, {H}, ++seed);
      const Values b = random_values(dtype, {H}, ++seed);
      const Values dy = random_values(dtype, shape, ++seed);
      const auto tx = device.tensor(dtype, shape, x);
      const auto tw = device.tensor(dtype, {H}, w);
      const auto tdy = device.tensor(dtype, shape, dy);
      const auto y = device.output(dtype, shape);
      const auto dx = device.output(dtype, shape);
      const auto dw = device.output(dtype, {H});

      device->layer_norm(tx, tw, device.tensor(dtype, {H}, b), y, eps);
      device->layer_norm_backward_input(tdy, tx, tw, dx, eps);
      device->layer_norm_backward_weight(tdy, tx, dw, eps);

      const NaiveLayerNorm naive{rows, H, x, eps};
      const auto n = static_cast<double>(H);
      expect_within(device.read(y), naive.forward(w, b), dtype, 2 * n + 12, "layer_norm");
      expect_within(device.read(dx), naive.backward_input(dy, w), dtype, 6 * n + 30,
                    "layer_norm_backward_input");
      expect_within(device.read(dw), naive.backward_weight(dy), dtype,
                    2 * n + static_cast<double>(rows) + 12, "layer_norm_backward_weight");
    }
}

BOOST_AUTO_TEST_CASE(a_narrow_weight_norms_each_head_as_if_it_were_a_row) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    constexpr std::int64_t tokens = 6, heads = 3, hd = 8;
    const double eps = 1e-5;
    const Shape features = {2, 3, heads * hd}, rows = {tokens * heads, hd};
    const Values x = random_values(dtype, features, 161);
    const Values dy = random_values(dtype, features, 162);
    const auto weight = device.tensor(dtype, {hd}, random_values(dtype, {hd}, 163));
    const auto results = [&](const Shape& shape) {
      const auto tx = device.tensor(dtype, shape, x);
      const auto tdy = device.tensor(dtype, shape, dy);
      const auto y = device.output(dtype, shape);
      const auto dx = device.output(dtype, shape);
      const auto dw = device.output(dtype, {hd});
      device->rms_norm(tx, weight, y, eps);
      device->rms_norm_backward_input(tdy, tx, weight, dx, eps);
      device->rms_norm_backward_weight(tdy, tx, dw, eps);
      return std::array{device.read(y), device.read(dx), device.read(dw)};
    };

    const auto of_features = results(features), of_rows = results(rows);

    for (std::size_t i = 0; i < 3; ++i)
      BOOST_TEST(of_features[i] == of_rows[i], boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(norms_refuse_weights_that_do_not_fit) {
  Device device;
  const auto x = device.tensor(Dtype::fp32, {2, 6}, Values(12, 1));
  const auto narrow = device.tensor(Dtype::fp32, {3}, Values(3, 1));
  const auto four = device.tensor(Dtype::fp32, {4}, Values(4, 1));
  BOOST_CHECK_THROW(device->layer_norm(x, narrow, narrow, x, 0), InvariantError);
  BOOST_CHECK_THROW(device->layer_norm_backward_weight(x, x, narrow, 0), InvariantError);
  BOOST_CHECK_THROW(device->rms_norm(x, four, x, 0), InvariantError);
}

BOOST_AUTO_TEST_CASE(norms_of_no_features_are_nothing) {
  Device device;
  const auto none = device.tensor(Dtype::fp32, {2, 0}, {});
  const auto weight = device.tensor(Dtype::fp32, {3}, Values(3, 1));
  const auto dweight = device.output(Dtype::fp32, {3});
  device->rms_norm(none, weight, none, 1e-5);
  device->rms_norm_backward_input(none, none, weight, none, 1e-5);
  device->rms_norm_backward_weight(none, none, dweight, 1e-5);
  BOOST_TEST(device.read(dweight) == Values(3, 0), boost::test_tools::per_element());
}

// ---- GELU --------------------------------------------------------------------------------------

/// Phi and its slope by other formulas than the kernel's: erfc, and the logistic form of tanh.
struct NaiveGelu {
  double k, cubic;
  bool of_erf;
  explicit NaiveGelu(GeluForm form)
      : k(form == GeluForm::tanh_bloom ? 0.79788456 : std::sqrt(2 / std::numbers::pi)),
        cubic(form == GeluForm::tanh_bloom ? 0.1070322243 : 3 * 0.044715 * k),
        of_erf(form == GeluForm::erf) {}

  double phi(double x) const {
    if (of_erf) return std::erfc(-x / std::numbers::sqrt2) / 2;
    return 1 / (1 + std::exp(-2 * k * (x + 0.044715 * x * x * x)));
  }
  double slope(double x) const {
    if (of_erf) return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    return 2 * phi(x) * (1 - phi(x)) * (k + cubic * x * x);
  }
};

BOOST_AUTO_TEST_CASE(gelu_and_its_gradient_stay_within_their_bounds) {
  for (const Dtype dtype : float_dtypes)
    for (const GeluForm form : {GeluForm::erf, GeluForm::tanh, GeluForm::tanh_bloom}) {
      Device device;
      const Shape shape = {7, 100};
      Values x = random_values(dtype, shape, 171);
      for (std::size_t i = 0; i < 300; ++i) x[i] = round_to(dtype, 4 * x[i]);
      x[0] = 0;
      const double large = dtype == Dtype::fp16 ? 65504 : 0x1p70;  // its square overflows fp32
      x[1] = round_to(dtype, -large);
      x[2] = round_to(dtype, large);
      const Values dy = random_values(dtype, shape, 172);
      const auto tx = device.tensor(dtype, shape, x);
      const auto y = device.output(dtype, shape);
      const auto dx = device.output(dtype, shape);

      device->gelu(tx, y, form);
      device->gelu_backward(device.tensor(dtype, shape, dy), tx, dx, form);

      const NaiveGelu naive(form);
      Naive f(700), df(700);
      for (std::int64_t i = 0; i < 700; ++i) {
        const double v = at(x, i), phi = naive.phi(v), slope = naive.slope(v);
        const bool saturated = std::fabs(v) > 1e4;  // there the tanh or erf is exact
        f.add(i, v * phi, saturated ? 0x1p-100 : 1 + std::fabs(v));
        df.add(i, at(dy, i) * (phi + (saturated ? 0 : v * slope)),
               saturated ? std::fabs(at(dy, i)) : 30 * (1 + std::fabs(v)));
      }
      expect_within(device.read(y), f, dtype, 12, "gelu " + std::string(name_of(form)));
      expect_within(device.read(dx), df, dtype, 16, "gelu_backward " + std::string(name_of(form)));
    }
}

BOOST_AUTO_TEST_CASE(the_forms_of_gelu_differ) {
  Device device;
  const auto x = device.tensor(Dtype::fp64, {1}, {1.0});
  const auto y = device.output(Dtype::fp64, {1});
  Values got;
  for (const GeluForm form : {GeluForm::erf, GeluForm::tanh, GeluForm::tanh_bloom}) {
    device->gelu(x, y, form);
    got.push_back(device.read(y)[0]);
  }
  BOOST_TEST(std::fabs(got[0] - got[1]) > 1e-4);
  BOOST_TEST(std::fabs(got[1] - got[2]) > 1e-10);
}

BOOST_AUTO_TEST_CASE(relu_and_its_gradient_are_zero_up_to_zero) {
  const double tiny = 0x1p-24, nan = std::nan("");
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto x = device.tensor(dtype, {6}, {-2, 0, -0.0, tiny, 3, nan});
    const auto y = device.output(dtype, {6}), dx = device.output(dtype, {6});
    device->relu(x, y);
    device->relu_backward(device.tensor(dtype, {6}, {1, 2, 3, -4, nan, 6}), x, dx);
    const Values got = device.read(y), slopes = device.read(dx);
    const Values first(got.begin(), got.begin() + 5), falls(slopes.begin(), slopes.begin() + 4);
    BOOST_TEST(first == (Values{0, 0, 0, tiny, 3}), boost::test_tools::per_element());
    BOOST_TEST(falls == (Values{0, 0, 0, -4}), boost::test_tools::per_element());
    BOOST_TEST((std::isnan(got[5]) && std::isnan(slopes[4]) && slopes[5] == 6));
  }
}

// ---- Scores ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(sigmoids_by_hand) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto x = device.tensor(dtype, {4}, {0, 1, -1, -1000});
    const auto y = device.output(dtype, {4}), dx = device.output(dtype, {4});
    device->sigmoid(x, y);
    device->sigmoid_backward(device.tensor(dtype, {4}, {4, 2, 3, 4}), x, dx);

    const double s = 1 / (1 + std::exp(-1.0));
    Naive scores(4), slopes(4);
    for (const auto& [i, value] : {std::pair{0, 0.5}, {1, s}, {2, 1 - s}, {3, 0.0}})
      scores.add(i, value, 1);
    for (const auto& [i, slope] :
         {std::pair{0, 1.0}, {1, 2 * s * (1 - s)}, {2, 3 * s * (1 - s)}, {3, 0.0}})
      slopes.add(i, slope, 4);
    expect_within(device.read(y), scores, dtype, 10, "sigmoid");
    expect_within(device.read(dx), slopes, dtype, 20, "sigmoid_backward");
  }
}

// ---- Caps --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(caps_and_products_by_hand) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto x = device.tensor(dtype, {4}, {0, 4, -4, 1000});
    const auto y = device.output(dtype, {4}), dx = device.output(dtype, {4});
    device->soft_cap(x, y, 2);
    device->soft_cap_backward(device.tensor(dtype, {4}, {1, 2, 3, 4}), x, dx, 2);

    const double t = std::tanh(2.0);
    Naive capped(4), slopes(4);
    for (const auto& [i, value] : {std::pair{0, 0.0}, {1, 2 * t}, {2, -2 * t}, {3, 2.0}})
      capped.add(i, value, 2);
    for (const auto& [i, slope] :
         {std::pair{0, 1.0}, {1, 2 * (1 - t * t)}, {2, 3 * (1 - t * t)}, {3, 0.0}})
      slopes.add(i, slope, 4);
    expect_within(device.read(y), capped, dtype, 10, "soft_cap");
    expect_within(device.read(dx), slopes, dtype, 20, "soft_cap_backward");
    device->product(device.tensor(dtype, {3}, {2, -3, 0.5}), device.tensor(dtype, {3}, {4, 5, 6}),
                    device.output(dtype, {3}));
    const auto product = device.output(dtype, {3});
    device->product(device.tensor(dtype, {3}, {2, -3, 0.5}), device.tensor(dtype, {3}, {4, 5, 6}),
                    product);
    BOOST_TEST(device.read(product) == (Values{8, -15, 3}), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_shifted_weight_counts_from_one) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    // The mean of the squares is 4, with eps 5 the root is 3.
    const auto x = device.tensor(dtype, {1, 2}, {2, -2});
    const auto w = device.tensor(dtype, {2}, {0.5, 2}), w1 = device.tensor(dtype, {2}, {1.5, 3});
    const auto dy = device.tensor(dtype, {1, 2}, {3, 1});
    const auto shifted = device.output(dtype, {1, 2}), plain = device.output(dtype, {1, 2});
    device->rms_norm(x, w, shifted, 5, 1);
    device->rms_norm(x, w1, plain, 5);
    BOOST_TEST(device.read(shifted) == device.read(plain), boost::test_tools::per_element());
    device->rms_norm_backward_input(dy, x, w, shifted, 5, 1);
    device->rms_norm_backward_input(dy, x, w1, plain, 5);
    BOOST_TEST(device.read(shifted) == device.read(plain), boost::test_tools::per_element());
  }
}

// Two keys whose bare scores are 0 and 4: with cap 2 the second is 2 tanh 2.
BOOST_AUTO_TEST_CASE(capped_scores_by_hand) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const AttentionForm form{.head_dim = 1, .cap = 2};
    const auto q = device.tensor(dtype, {1, 2, 1}, {0, 2}),
               k = device.tensor(dtype, {1, 2, 1}, {0, 2});
    const auto v = device.tensor(dtype, {1, 2, 1}, {1, 0}), o = device.output(dtype, {1, 2, 1});
    const auto lse = device.output(compute_of(dtype), {1, 1, 2});
    device->attention(q, k, v, nullptr, o, lse, form);

    const double t = std::tanh(2.0), p = 1 / (1 + std::exp(2 * t));
    Naive expected(2);
    expected.add(0, 1, 1);
    expected.add(1, p, 1);
    expect_within(device.read(o), expected, dtype, 40, "attention");
    const auto dq = device.output(dtype, {1, 2, 1}), dk = device.output(dtype, {1, 2, 1});
    const auto dv = device.output(dtype, {1, 2, 1});
    device->attention_backward(device.tensor(dtype, {1, 2, 1}, {0, 1}), q, k, v, o, lse, nullptr,
                               dq, dk, dv, form);
    // dP = (1, 0), D = p: dS of the second key is (1 - p) (0 - p), times the slope 1 - t^2.
    Naive of_query(2);
    of_query.add(0, 0, 1);
    of_query.add(1, -2 * (1 - p) * p * (1 - t * t), 8);
    expect_within(device.read(dq), of_query, dtype, 200, "attention_backward q");
  }
}

// ---- Positions ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(interleaved_rotary_turns_neighbours_and_passes_the_rest_of_each_head) {
  Device device;
  // Two heads of six, of which four are turned: the first pair by 90 degrees, the second not.
  const auto cos = device.tensor(Dtype::fp32, {1, 2}, {0, 1});
  const auto sin = device.tensor(Dtype::fp32, {1, 2}, {1, 0});
  const Values values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto x = device.tensor(Dtype::fp32, {1, 1, 12}, values);
  const auto y = device.output(Dtype::fp32, {1, 1, 12});

  device->rotary(x, cos, sin, y, {6, RotaryPairing::interleaved}, false);
  BOOST_TEST(device.read(y) == (Values{-2, 1, 3, 4, 5, 6, -8, 7, 9, 10, 11, 12}),
             boost::test_tools::per_element());
  device->rotary(y, cos, sin, y, {6, RotaryPairing::interleaved}, true);
  BOOST_TEST(device.read(y) == values, boost::test_tools::per_element());
  device->rotary(x, cos, sin, y, {6, RotaryPairing::half}, false);
  BOOST_TEST(device.read(y) == (Values{-3, 2, 1, 4, 5, 6, -9, 8, 7, 10, 11, 12}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(scaled_rotary_tables_are_cosines_of_published_frequencies) {
  Device device;
  const auto cos = device.output(Dtype::fp64, {50, 8});
  const auto sin = device.output(Dtype::fp64, {50, 8});
  for (const RotaryScaling scaling : {RotaryScaling::linear, RotaryScaling::llama3}) {
    device->rotary_table(cos, sin, {10000, scaling, 8, 1, 4, 64});
    const Values got = device.read(sin);
    for (int i = 0; i < 8; ++i) {
      const double f = std::pow(10000.0, -i / 8.0), turns = 64 * f / (2 * std::numbers::pi);
      const double s = std::min(1.0, std::max(0.0, (turns - 1) / 3));
      const double expected = scaling == RotaryScaling::linear ? f / 8 : f * (s + (1 - s) / 8);
      for (int t = 0; t < 50; ++t)
        BOOST_TEST(std::fabs(at(got, t * 8 + i) - std::sin(t * expected)) < 1e-12);
    }
  }
}

// The tables' numbers themselves are transformers': tests/oracle.
BOOST_AUTO_TEST_CASE(tables_of_longer_texts_are_stretched_pair_by_pair_and_lengthened) {
  Device device;
  const auto cos = device.output(Dtype::fp64, {3, 2});
  const auto sin = device.output(Dtype::fp64, {3, 2});
  RotaryFrequencies how{.theta = 100, .scaling = RotaryScaling::longrope, .factor = 4};
  how.original_positions = 4;
  how.divisors = {2, 5};
  device->rotary_table(cos, sin, how);
  const double longer = std::sqrt(2.0);  // sqrt(1 + ln 4 / ln 4)
  BOOST_TEST(std::fabs(at(device.read(cos), 0) - longer) < 1e-15);
  BOOST_TEST(std::fabs(at(device.read(cos), 4) - longer * std::cos(1.0)) < 1e-15);
  BOOST_TEST(std::fabs(at(device.read(sin), 5) - longer * std::sin(2 * 0.1 / 5)) < 1e-15);

  how = {.theta = 100, .scaling = RotaryScaling::yarn, .factor = 4, .low = 1, .high = 1};
  how.original_positions = 2 * std::numbers::pi;  // pair 0 turns once: the others are slow
  how.attention_factor = 3;
  device->rotary_table(cos, sin, how);
  BOOST_TEST(std::fabs(at(device.read(sin), 4) - 3 * std::sin(2.0)) < 1e-15);
  BOOST_TEST(std::fabs(at(device.read(sin), 5) - 3 * std::sin(2 * 0.1 / 4)) < 1e-15);
}

BOOST_AUTO_TEST_CASE(slopes_of_alibi_halve_and_a_rank_makes_those_of_its_heads) {
  Device device;
  const auto all = device.output(Dtype::fp32, {8});
  device->alibi_slopes(8, 0, all);
  BOOST_TEST(
      device.read(all) == (Values{0x1p-1, 0x1p-2, 0x1p-3, 0x1p-4, 0x1p-5, 0x1p-6, 0x1p-7, 0x1p-8}),
      boost::test_tools::per_element());
  const auto some = device.output(Dtype::fp64, {3});
  device->alibi_slopes(12, 7, some);
  const Values got = device.read(some);
  BOOST_TEST(got[0] == 0x1p-8);
  BOOST_TEST(got[1] == std::sqrt(0.5), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(got[2] == std::sqrt(0.5) / 2, boost::test_tools::tolerance(1e-15));
  BOOST_CHECK_THROW(device->alibi_slopes(9, 7, some), InvariantError);
}

// ---- Attention in other forms ------------------------------------------------------------------

/// Attention by the definition, in fp64, with the gradients by the full Jacobian of the softmax.
struct NaiveFormedAttention {
  std::int64_t B, T, h, hk;
  AttentionForm form;
  Reader q, k, v, slopes;

  std::int64_t of(std::int64_t b, std::int64_t t, std::int64_t heads, std::int64_t head,
                  std::int64_t width, std::int64_t d) const {
    return ((b * T + t) * heads + head) * width + d;
  }
  double p(std::int64_t b, std::int64_t head, std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t m = 0; m <= i; ++m) sum += weight(b, head, i, m);
    return weight(b, head, i, j) / sum;
  }
  double weight(std::int64_t b, std::int64_t head, std::int64_t i, std::int64_t j) const {
    if (form.window > 0 && j <= i - form.window) return 0;
    double dot = 0;
    for (std::int64_t d = 0; d < form.head_dim; ++d)
      dot += at(q, of(b, i, h, head, form.head_dim, d)) *
             at(k, of(b, j, hk, head * hk / h, form.head_dim, d));
    const double bias = slopes.empty() ? 0 : at(slopes, head) * static_cast<double>(j);
    return std::exp(dot * form.score_scale() + bias);
  }
  template <class Visit>
  void for_each_pair(Visit visit) const {
    for (std::int64_t b = 0; b < B; ++b)
      for (std::int64_t head = 0; head < h; ++head)
        for (std::int64_t i = 0; i < T; ++i)
          for (std::int64_t j = 0; j <= i; ++j) visit(b, head, i, j);
  }
  std::int64_t vd() const { return form.value_dim(); }

  Values output() const {
    Values o(static_cast<std::size_t>(B * T * h * vd()));
    for_each_pair([&](auto b, auto head, auto i, auto j) {
      for (std::int64_t d = 0; d < vd(); ++d)
        o[static_cast<std::size_t>(of(b, i, h, head, vd(), d))] +=
            p(b, head, i, j) * at(v, of(b, j, hk, head * hk / h, vd(), d));
    });
    return o;
  }
  std::array<Values, 3> backward(Reader dout) const {
    std::array<Values, 3> g{Values(q.size()), Values(k.size()), Values(v.size())};
    const auto dp = [&](auto b, auto head, auto i, auto m) {
      double sum = 0;
      for (std::int64_t d = 0; d < vd(); ++d)
        sum += at(dout, of(b, i, h, head, vd(), d)) * at(v, of(b, m, hk, head * hk / h, vd(), d));
      return sum;
    };
    for_each_pair([&](auto b, auto head, auto i, auto j) {
      double ds = 0;
      for (std::int64_t m = 0; m <= i; ++m)
        ds += p(b, head, i, j) * ((j == m ? 1 : 0) - p(b, head, i, m)) * dp(b, head, i, m);
      ds *= form.score_scale();
      const std::int64_t kv = head * hk / h;
      for (std::int64_t d = 0; d < form.head_dim; ++d) {
        const std::int64_t qi = of(b, i, h, head, form.head_dim, d);
        const std::int64_t kj = of(b, j, hk, kv, form.head_dim, d);
        g[0][static_cast<std::size_t>(qi)] += ds * at(k, kj);
        g[1][static_cast<std::size_t>(kj)] += ds * at(q, qi);
      }
      for (std::int64_t d = 0; d < vd(); ++d)
        g[2][static_cast<std::size_t>(of(b, j, hk, kv, vd(), d))] +=
            p(b, head, i, j) * at(dout, of(b, i, h, head, vd(), d));
    });
    return g;
  }
};

BOOST_AUTO_TEST_CASE(attention_in_every_form_is_that_of_its_definition) {
  constexpr std::int64_t B = 2, T = 9, h = 4;
  struct Variant {
    AttentionForm form;
    std::int64_t hk;
    bool biased;
  };
  std::uint64_t seed = 180;
  for (const auto& [form, hk, biased] :
       {Variant{{.head_dim = 6, .v_head_dim = 4}, 2, false},
        Variant{{.head_dim = 6, .v_head_dim = 8, .scale = 0.2}, 4, false},
        Variant{{.head_dim = 6, .window = 1}, 2, false},
        Variant{{.head_dim = 6, .window = 4}, 2, false}, Variant{{.head_dim = 6}, 4, true}}) {
    Device device;
    const Shape q_shape = {B, T, h * 6}, k_shape = {B, T, hk * 6};
    const Shape v_shape = {B, T, hk * form.value_dim()}, o_shape = {B, T, h * form.value_dim()};
    const Values q = random_values(Dtype::fp64, q_shape, ++seed);
    const Values k = random_values(Dtype::fp64, k_shape, ++seed);
    const Values v = random_values(Dtype::fp64, v_shape, ++seed);
    const Values dout = random_values(Dtype::fp64, o_shape, ++seed);
    const Values slopes = biased ? Values{0.25, 0.0625, 0.5, 1} : Values{};
    const NaiveFormedAttention naive{B, T, h, hk, form, q, k, v, slopes};
    const auto tq = device.tensor(Dtype::fp64, q_shape, q);
    const auto tk = device.tensor(Dtype::fp64, k_shape, k);
    const auto tv = device.tensor(Dtype::fp64, v_shape, v);
    const auto o = device.output(Dtype::fp64, o_shape);
    const auto lse = device.output(Dtype::fp64, {B, h, T});
    const auto dq = device.output(Dtype::fp64, q_shape);
    const auto dk = device.output(Dtype::fp64, k_shape);
    const auto dv = device.output(Dtype::fp64, v_shape);
    const auto bias = device.tensor(Dtype::fp64, {std::ssize(slopes)}, slopes);
    const TensorView* given = biased ? &bias : nullptr;

    device->attention(tq, tk, tv, given, o, lse, form);
    device->attention_backward(device.tensor(Dtype::fp64, o_shape, dout), tq, tk, tv, o, lse, given,
                               dq, dk, dv, form);

    const auto close = [](const Values& got, const Values& expected) {
      BOOST_REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i)
        BOOST_TEST(std::fabs(got[i] - expected[i]) < 1e-12);
    };
    close(device.read(o), naive.output());
    const auto gradients = naive.backward(dout);
    close(device.read(dq), gradients[0]);
    close(device.read(dk), gradients[1]);
    close(device.read(dv), gradients[2]);
  }
}

BOOST_AUTO_TEST_CASE(attention_of_no_heads_is_nothing) {
  Device device;
  const auto none = device.tensor(Dtype::fp32, {2, 3, 0}, {});
  const auto no_rows = device.tensor(Dtype::fp32, {2, 0, 3}, {});
  const AttentionForm form{.head_dim = 8};
  device->attention(none, none, none, nullptr, none, no_rows, form);
  device->attention_backward(none, none, none, none, none, no_rows, nullptr, none, none, none,
                             form);
  const auto cos = device.tensor(Dtype::fp32, {3, 4}, Values(12, 1));
  device->rotary(none, cos, cos, none, {.head_dim = 8}, false);
  device->alibi_slopes(4, 4, device.tensor(Dtype::fp32, {0}, {}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
