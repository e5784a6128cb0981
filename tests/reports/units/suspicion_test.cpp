// Sums in fp32, in the order of the library and in others, of data that are random and of data that
// are not: none is suspected. What is wrong by less than any bound sees is.
#include "reports/units/suspicion.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>

#include "reports/units/unit_judgement.hpp"
#include "reports/verdict/suspects.hpp"
#include "scenarios/blas/product.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using reference::UnitKind;

namespace {

constexpr std::int64_t rows = 8, columns = 24;

SharedTensor tensor_of(Dtype dtype, const Shape& of, std::span<const double> values) {
  Bytes bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return tensor_in(dtype, of, in_memory(std::move(bytes)));
}

// ---- data

/// Element k of a line of K numbers.
using Line = std::function<double(std::mt19937&, std::int64_t k, std::int64_t K)>;
struct Data {
  const char* name;
  Line a, b;
};

double normal(std::mt19937& random, std::int64_t, std::int64_t) {
  return std::normal_distribution<double>()(random);
}

std::vector<Data> all_data() {
  const Line constant = [](auto&, auto, auto) { return 0.7001953125; };
  const Line one = [](auto&, auto, auto) { return 1.0; };
  const Line slow = [](auto&, std::int64_t k, std::int64_t K) {
    return 1 + 0.3 * static_cast<double>(k) / static_cast<double>(K);
  };
  const Line wave = [](auto&, std::int64_t k, auto) {
    return std::sin(0.01 * static_cast<double>(k));
  };
  const Line one_large = [](std::mt19937& random, std::int64_t k, auto) {
    return k == 0 ? 1000.0 : std::fabs(std::normal_distribution<double>()(random)) * 1e-4;
  };
  const Line large_last = [](auto&, std::int64_t k, std::int64_t K) {
    return k + 1 == K ? 3e4 : 0.00123;
  };
  const Line positive = [](std::mt19937& random, auto, auto) {
    return std::fabs(std::normal_distribution<double>()(random));
  };
  const Line heavy = [](std::mt19937& random, auto, auto) {
    return std::clamp(std::cauchy_distribution<double>()(random), -10.0, 10.0);
  };
  const Line pairs = [](auto&, std::int64_t k, auto) { return k % 2 == 0 ? 0.9013 : -0.9009; };
  const Line subnormal = [](std::mt19937& random, auto, auto) {
    return 1e-20 * std::normal_distribution<double>()(random);
  };
  return {{"normal", normal, normal},
          {"constant", constant, constant},
          {"constant by one", constant, one},
          {"slowly varying", slow, slow},
          {"wave", wave, wave},
          {"one large", one_large, one},
          {"large last", large_last, one},
          {"positive", positive, positive},
          {"heavy tails", heavy, heavy},
          {"pairs", pairs, one},
          {"positive by slow", positive, slow},
          {"subnormal", subnormal, subnormal}};
}

std::vector<double> lines(const Line& line, std::int64_t count, std::int64_t K, Dtype dtype,
                          std::mt19937& random) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t k = 0; k < K; ++k) values.push_back(line(random, k, K));
  round_all(dtype, values);
  return values;
}

// ---- kernels: a (rows, K) b (columns, K) -> (rows, columns), in fp32

using Kernel = std::function<std::vector<float>(std::span<const float> a, std::span<const float> b,
                                                std::int64_t K)>;

std::vector<float> by_library(std::span<const float> a, std::span<const float> b, std::int64_t K) {
  std::vector<float> c(rows * columns);
  blas::product(rows, columns, K, {a.data(), K, false}, {b.data(), K, true}, c.data());
  return c;
}

/// Elements one by one, each the sum of `blocks` sequential ones.
Kernel in_blocks(std::int64_t blocks, bool backwards) {
  return [=](std::span<const float> a, std::span<const float> b, std::int64_t K) {
    std::vector<float> c(rows * columns, 0);
    for (std::size_t i = 0; i < c.size(); ++i)
      for (std::int64_t block = 0; block < blocks; ++block) {
        float sum = 0;
        for (std::int64_t k = block * K / blocks; k < (block + 1) * K / blocks; ++k) {
          const auto at = static_cast<std::size_t>(backwards ? K - 1 - k : k);
          const auto line = static_cast<std::size_t>(K);
          sum += a[i / columns * line + at] * b[i % columns * line + at];
        }
        c[i] += sum;
      }
    return c;
  };
}

std::vector<float> narrow(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

Scrutiny scrutiny_of(JudgedUnit unit) {
  UnitJudgement judgement(std::move(unit));
  for (std::size_t part = 0; part < judgement.parts(); ++part) judgement.run(part);
  return judgement.verdict().scrutiny;
}

JudgedUnit product_of(Dtype dtype, std::int64_t K, const std::vector<double>& a,
                      const std::vector<double>& b, std::span<const double> c) {
  return {.kind = UnitKind::matmul,
          .attributes = {},
          .precision = {.output = dtype, .compute = Dtype::fp32},
          .arguments = {tensor_of(dtype, {rows, K}, a), tensor_of(dtype, {columns, K}, b)},
          .result = tensor_of(dtype, {rows, columns}, c)};
}

using Fault = std::function<double(double)>;

/// The scrutiny of a product, each element of which is changed before it is stored.
Scrutiny scrutiny_of(Dtype dtype, std::int64_t K, const Data& data, const Kernel& kernel,
                     const Fault& fault, unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<double> a = lines(data.a, rows, K, dtype, random),
                            b = lines(data.b, columns, K, dtype, random);
  const std::vector<float> sums = kernel(narrow(a), narrow(b), K);
  std::vector<double> c(sums.begin(), sums.end());
  for (double& x : c) x = fault(x);
  return scrutiny_of(product_of(dtype, K, a, b, c));
}

double nothing(double x) { return x; }

/// SHARDPROOF_WIDTHS=7B: many more data (half an hour).
unsigned rounds() { return std::getenv("SHARDPROOF_WIDTHS") == nullptr ? 1 : 40; }

}  // namespace

BOOST_AUTO_TEST_SUITE(suspicions)

BOOST_AUTO_TEST_CASE(no_right_sum_is_suspected_whatever_its_terms_and_their_order) {
  double largest = 0;
  std::string whose;
  for (const std::int64_t K : {1, 7, 256, 1792, 14336})
    for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::fp32})
      for (const Data& data : all_data())
        for (const Kernel& kernel : {Kernel(by_library), in_blocks(1, false), in_blocks(1, true),
                                     in_blocks(4, false), in_blocks(37, true)})
          for (unsigned seed = 0; seed < rounds(); ++seed) {
            const Scrutiny scrutiny = scrutiny_of(dtype, K, data, kernel, nothing, seed);
            BOOST_TEST(scrutiny.elements == rows * columns);
            BOOST_TEST(!scrutiny.suspicion,
                       data.name << ", K " << K << ", " << name_of(dtype) << ": z " << scrutiny.z);
            if (scrutiny.z <= largest) continue;
            largest = scrutiny.z;
            whose = data.name + std::string(", ") + name_of(dtype) + ", K " + std::to_string(K);
          }
  BOOST_TEST_MESSAGE("largest z " << largest << " of " << suspicious << ": " << whose);
  BOOST_TEST(largest > 0);  // something was looked at
}

BOOST_AUTO_TEST_CASE(a_factor_that_no_bound_sees_is_suspected_and_told) {
  const Data random{"normal", normal, normal};
  for (const std::int64_t K : {256, 1792, 7168, 14336})
    for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::fp32})
      for (const double factor : {1.002, 1.0002}) {
        const Scrutiny scrutiny = scrutiny_of(
            dtype, K, random, by_library, [=](double x) { return factor * x; }, 5);
        const std::string where = std::string(name_of(dtype)) + ", K " + std::to_string(K) + ", " +
                                  std::to_string(factor);
        BOOST_TEST_CONTEXT(where) {
          BOOST_REQUIRE(scrutiny.suspicion);
          BOOST_TEST(scrutiny.suspicion->z > suspicious);
        }
      }
}

BOOST_AUTO_TEST_CASE(
    a_factor_of_constant_terms_is_suspected_too_unless_their_sum_may_be_off_so_far) {
  const Data constant = all_data().at(1);
  const auto times = [](double factor) { return [=](double x) { return factor * x; }; };

  BOOST_TEST(scrutiny_of(Dtype::fp32, 256, constant, by_library, times(1 + 1e-4), 1)
                 .suspicion.has_value());
  BOOST_TEST(!scrutiny_of(Dtype::fp32, 14336, constant, by_library, times(1 + 1e-6), 1)
                  .suspicion.has_value());
}

// The terms of each kind of sum are found where they lie: one element is off by some hundred steps
// of fp32, hardly anything of its bound.
BOOST_AUTO_TEST_CASE(every_kind_of_sum_and_every_layout) {
  constexpr std::int64_t n = 600, O = 5, I = 4, groups = 2;
  std::mt19937 random(9);
  const auto tensor = [&](const Shape& shape) {
    return tensor_of(Dtype::fp32, shape,
                     lines(normal, 1, element_count(shape), Dtype::fp32, random));
  };
  struct Case {
    UnitKind kind;
    Shape a, b, result;
    WeightLayout layout;
    std::int64_t groups;
  };
  const auto out_in = WeightLayout::out_in, in_out = WeightLayout::in_out;
  const Case cases[] = {
      {UnitKind::matmul, {O, n}, {I, n}, {O, I}, out_in, 0},
      {UnitKind::matmul, {O, n}, {n, I}, {O, I}, in_out, 0},
      {UnitKind::matmul_backward_input, {O, n}, {n, I}, {O, I}, out_in, 0},
      {UnitKind::matmul_backward_input, {O, n}, {I, n}, {O, I}, in_out, 0},
      {UnitKind::matmul_backward_weight, {n, O}, {n, I}, {O, I}, out_in, 0},
      {UnitKind::matmul_backward_weight, {n, O}, {n, I}, {groups, O, I}, out_in, groups},
      {UnitKind::matmul_backward_weight, {n, O}, {n, I}, {groups, I, O}, in_out, groups},
      {UnitKind::bias_backward, {n, O}, {}, {groups, O}, out_in, groups},
  };
  for (const Case& each : cases) {
    JudgedUnit unit{.kind = each.kind,
                    .attributes = {},
                    .precision = {.output = Dtype::fp32, .compute = Dtype::fp32},
                    .arguments = {tensor(each.a)},
                    .result = zero_tensor(Dtype::fp32, each.result)};
    unit.attributes.weight_layout = each.layout;
    unit.attributes.groups = each.groups;
    if (!each.b.empty()) unit.arguments.push_back(tensor(each.b));
    const std::vector<double> right = UnitJudgement(unit).evaluated(0).unit.value;
    for (const std::size_t wrong : {std::size_t{0}, right.size() / 2, right.size() - 1}) {
      std::vector<double> recorded = right;
      recorded[wrong] += 2e-3;
      unit.result = tensor_of(Dtype::fp32, each.result, recorded);
      const Scrutiny scrutiny = scrutiny_of(unit);
      BOOST_TEST_CONTEXT(reference::name_of(each.kind) << " " << to_string(each.result)) {
        BOOST_REQUIRE(scrutiny.suspicion);
        BOOST_TEST(scrutiny.suspicion->element == static_cast<std::int64_t>(wrong));
        BOOST_TEST(std::fabs(scrutiny.suspicion->expected - right[wrong]) < 1e-9);
      }
      unit.result = tensor_of(Dtype::fp32, each.result, right);
      BOOST_TEST(!scrutiny_of(unit).suspicion);
    }
  }
}

BOOST_AUTO_TEST_CASE(in_fp64_and_of_other_functions_nothing_is_suspected) {
  JudgedUnit unit{.kind = UnitKind::matmul,
                  .attributes = {},
                  .precision = {.output = Dtype::fp32, .compute = Dtype::fp32},
                  .arguments = {},
                  .result = nullptr};
  BOOST_TEST(is_scrutinised(unit));
  unit.precision = {.output = Dtype::fp64, .compute = Dtype::fp64};
  BOOST_TEST(!is_scrutinised(unit));
  unit.precision = {.output = Dtype::bf16, .compute = Dtype::fp32, .partials = 2};
  BOOST_TEST(!is_scrutinised(unit));
  unit.precision = {.output = Dtype::bf16, .compute = Dtype::fp32};
  unit.kind = UnitKind::rms_norm;
  BOOST_TEST(!is_scrutinised(unit));
}

BOOST_AUTO_TEST_SUITE_END()
