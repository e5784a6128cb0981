#include "reports/compare/signature.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>
#include <vector>

using namespace shardproof;
using namespace shardproof::reports;

namespace {

std::vector<double> normal_numbers() {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> numbers(4096);
  for (double& x : numbers) x = normal(random);
  return numbers;
}

template <class Fault>
Signature signature_of(Dtype storage, Fault fault) {
  const std::vector<double> f = normal_numbers();
  std::vector<double> r = f;
  for (double& x : r) x = round_to(storage, fault(x));
  SignatureFit fit(storage);
  fit.look_at(f, r);
  return fit.best();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(signatures)

BOOST_AUTO_TEST_CASE(by_hand) {
  SignatureFit fit(Dtype::fp32);
  fit.look_at(std::vector<double>{1, 2, 4}, std::vector<double>{1.5, 3, 6});

  const Signature signature = fit.best();

  BOOST_TEST(name_of(signature.kind) == "factor");
  BOOST_TEST(signature.coefficient == 1.5);
  BOOST_TEST(signature.standard_error == 0);
}

BOOST_AUTO_TEST_CASE(a_factor_before_a_rounding_that_is_coarser_than_it) {
  for (const Dtype storage : {Dtype::bf16, Dtype::fp16, Dtype::fp32}) {
    const Signature signature = signature_of(storage, [](double x) { return 1.0002 * x; });

    BOOST_TEST(name_of(signature.kind) == "factor");
    BOOST_TEST(std::fabs(signature.coefficient - 1.0002) < 5 * signature.standard_error + 1e-9);
    BOOST_TEST(signature.standard_error < 1e-4);
  }
}

BOOST_AUTO_TEST_CASE(an_offset) {
  const Signature signature = signature_of(Dtype::fp32, [](double x) { return x + 0.001; });

  BOOST_TEST(name_of(signature.kind) == "offset");
  BOOST_TEST(std::fabs(signature.coefficient - 0.001) < 1e-7);
}

BOOST_AUTO_TEST_CASE(elements_that_have_nothing_in_common) {
  const std::vector<double> f(100, 1.0);
  std::vector<double> r = f;
  r[5] = 2, r[6] = 0;
  SignatureFit fit(Dtype::bf16);
  fit.look_at(f, r);

  BOOST_TEST(name_of(fit.best().kind) == "elements");
  BOOST_TEST(fit.best().coefficient == 2);
  BOOST_TEST(SignatureFit(Dtype::bf16).best().coefficient == 0);
}

BOOST_AUTO_TEST_SUITE_END()
