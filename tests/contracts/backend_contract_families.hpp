#pragma once

// The part of the contract that other families than Llama's need: LayerNorm, norms of heads, GELU.

#include <array>
#include <boost/test/unit_test.hpp>
#include <numbers>

#include "scenarios/errors.hpp"
#include "tests/contracts/within.hpp"

namespace shardproof::contract {

BOOST_AUTO_TEST_SUITE(backend_contract_families)

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
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < H; ++i)
        for (std::int64_t j = 0; j < H; ++j) {
          const double g = at(dy, r * H + j) * at(w, j);
          const double jacobian =
              ((i == j ? 1 : 0) - 1 / n - normal(r, j) * normal(r, i) / n) / root(r);
          const double reach = (i == j ? 1 : 0) + (1 + size(r) * size(r)) / n;
          dx.add(r * H + i, g * jacobian, std::fabs(g) * reach / root(r));
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
      x[1] = round_to(dtype, -0x1p70);  // its square overflows fp32
      x[2] = round_to(dtype, 0x1p70);
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
        const bool saturated = std::fabs(v) > 1e9;  // there the tanh or erf is exact
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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
