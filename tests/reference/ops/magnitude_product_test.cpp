#include "reference/ops/magnitude_product.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace shardproof::reference {

namespace {

using Numbers = std::vector<float>;

// Magnitudes between 2^lowest and 2^highest, a tenth of them 0.
Numbers magnitudes(std::mt19937& engine, std::int64_t count, int lowest, int highest) {
  std::uniform_real_distribution<float> mantissa(1, 2);
  std::uniform_int_distribution<int> exponent(lowest, highest - 1), tenth(0, 9);
  Numbers values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(tenth(engine) == 0 ? 0 : std::ldexp(mantissa(engine), exponent(engine)));
  return values;
}

struct Found {
  int below = 0;     // sums that are smaller than the true one, in fp32 alone
  double slack = 0;  // the most that the bound is above the true one, as a fraction of it
};

// Holds each element of a product against its sum in extended precision.
Found check_bound(const FactorOf<float>& a, const FactorOf<float>& b) {
  std::vector<float> c(static_cast<std::size_t>(a.height() * b.width()));
  magnitude_product(a, b, c);
  const MagnitudeBound bound = magnitude_bound(a.width());
  Found found;
  for (std::int64_t i = 0; i < a.height(); ++i)
    for (std::int64_t j = 0; j < b.width(); ++j) {
      long double S = 0;
      for (std::int64_t k = 0; k < a.width(); ++k)
        S += static_cast<long double>(a.at(i, k)) * b.at(k, j);
      const double s = static_cast<double>(c[static_cast<std::size_t>(i * b.width() + j)]);
      const long double allowed = static_cast<long double>(bound.factor) * s + bound.absolute;
      BOOST_TEST(S <= allowed, "(" << i << ", " << j << "): " << S << " > " << allowed);
      if (S > s) ++found.below;
      if (S > 0) found.slack = std::max(found.slack, static_cast<double>(allowed / S) - 1);
    }
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(magnitude_product_test)

BOOST_AUTO_TEST_CASE(by_hand) {
  const Numbers a{1, 2, 3, 4}, b{10, 100};
  std::vector<float> c(2);

  magnitude_product({a, 2, 2}, {b, 2, 1}, c);
  BOOST_TEST(c == (Numbers{210, 430}));
  magnitude_product({a, 2, 2, true}, {b, 2, 1}, c);
  BOOST_TEST(c == (Numbers{310, 420}));

  BOOST_TEST(magnitude_bound(1 << 20).factor >= 1 / (1 - 0x1p-4));
  BOOST_TEST(magnitude_bound(1 << 20).factor < 1 / (1 - 0x1p-4) * (1 + 1e-12));
  BOOST_TEST(magnitude_bound(1 << 20).absolute == 0x1p-106);
  BOOST_TEST(std::isinf(magnitude_bound(1 << 23).factor));
}

BOOST_AUTO_TEST_CASE(a_true_sum_is_never_above_the_bound) {
  std::mt19937 engine(3);
  Found all;
  for (const std::int64_t K : {1, 2, 31, 500, 4096, 16384})
    for (const auto& [lowest, highest] : {std::pair{0, 1}, {-10, 10}, {-60, 50}})
      for (const bool transposed : {false, true}) {
        const std::int64_t m = 5, n = 7;
        const Numbers x = magnitudes(engine, m * K, lowest, highest);
        const Numbers w = magnitudes(engine, K * n, lowest, highest);
        const auto [rows, columns] = transposed ? std::pair{K, m} : std::pair{m, K};
        const Found found = check_bound({x, rows, columns, transposed},
                                        {w, transposed ? n : K, transposed ? K : n, transposed});
        all.below += found.below;
        all.slack = std::max(all.slack, found.slack);
      }

  BOOST_TEST(all.below > 100);          // the bound was needed,
  BOOST_TEST(all.slack < 3 * 0x1p-10);  // and is one: K u, and what rounding did
}

BOOST_AUTO_TEST_CASE(what_underflows_is_in_the_bound) {
  const Numbers tiny(100, 0x1p-75F);  // of two, half the smallest subnormal: rounded to 0

  const Found found = check_bound({tiny, 1, 100}, {tiny, 100, 1});

  BOOST_TEST(found.below == 1);
}

BOOST_AUTO_TEST_CASE(a_sum_that_overflows_is_infinite) {
  const Numbers large(64, 0x1p63F);
  std::vector<float> c(1);

  magnitude_product({large, 1, 64}, {large, 64, 1}, c);

  BOOST_TEST(c[0] == std::numeric_limits<float>::infinity());
}

BOOST_AUTO_TEST_CASE(an_empty_sum_is_zero_and_plain_loops_agree) {
  std::vector<float> c(1, 7);
  magnitude_product({{}, 1, 0}, {{}, 0, 1}, c);
  BOOST_TEST(c[0] == 0);

  std::mt19937 engine(4);
  const Numbers x = magnitudes(engine, 3000, -3, 3);
  const PlainLoops plain;
  check_bound({x, 1, 3000}, {x, 3000, 1});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
