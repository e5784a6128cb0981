// The C library's exp and log in fp32 stay within the errors that the bounds take from a table:
// every 61st number of the whole range, and all of them near the ends and near 1.
#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>

#include "reference/bounds/bounds.hpp"

namespace shardproof::reference {
namespace {

struct Worst {
  double error = 0;  // in units of u = 2^-24 relative to the result
  float at = 0;
  std::int64_t tested = 0;

  void see(float x, float got, double exact) {
    ++tested;
    // Below the normal numbers the error is measured against their spacing.
    const double scale = std::max(std::fabs(exact), 0x1p-126) * 0x1p-24;
    const double error = std::fabs(static_cast<double>(got) - exact) / scale;
    if (error <= this->error) return;
    this->error = error;
    at = x;
  }
};

template <class Visit>
void every(std::uint32_t from, std::uint32_t to, std::uint32_t stride, Visit visit) {
  for (std::uint64_t bits = from; bits < to; bits += stride)
    visit(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
}
std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

BOOST_AUTO_TEST_SUITE(bounds_libm)

BOOST_AUTO_TEST_CASE(exp_errs_by_no_more_than_the_table_says) {
  Worst worst;
  const auto see = [&](float x) { worst.see(x, std::exp(x), std::exp(static_cast<double>(x))); };
  every(bits_of(0.0F), bits_of(88.7F), 61, see);
  every(bits_of(-0.0F), bits_of(-104.0F), 61, see);
  every(bits_of(87.0F), bits_of(88.7F), 1, see);
  every(bits_of(-103.0F), bits_of(-104.0F), 1, see);
  BOOST_TEST_MESSAGE("exp: " << worst.error << " u at " << worst.at << " of " << worst.tested);
  BOOST_TEST(worst.tested > 30'000'000);
  BOOST_TEST(worst.error <= LibraryError::exp);
  BOOST_TEST(worst.error >= 0.9);  // no function of this kind is exact: the measurement works
}

BOOST_AUTO_TEST_CASE(log_errs_by_no_more_than_the_table_says) {
  Worst worst;
  const auto see = [&](float x) { worst.see(x, std::log(x), std::log(static_cast<double>(x))); };
  every(1, bits_of(INFINITY), 61, see);
  every(bits_of(0.99F), bits_of(1.01F), 1, see);
  BOOST_TEST_MESSAGE("log: " << worst.error << " u at " << worst.at << " of " << worst.tested);
  BOOST_TEST(worst.tested > 30'000'000);
  BOOST_TEST(worst.error <= LibraryError::log);
  BOOST_TEST(worst.error >= 0.9);
}

BOOST_AUTO_TEST_CASE(tanh_errs_by_no_more_than_the_table_says) {
  Worst worst;
  const auto see = [&](float x) { worst.see(x, std::tanh(x), std::tanh(static_cast<double>(x))); };
  every(1, bits_of(23.0F), 61, see);
  every(bits_of(-0.01F), bits_of(-23.0F), 61, see);
  every(bits_of(0.4F), bits_of(1.1F), 1, see);
  BOOST_TEST_MESSAGE("tanh: " << worst.error << " u at " << worst.at << " of " << worst.tested);
  BOOST_TEST(worst.tested > 20'000'000);
  BOOST_TEST(worst.error <= LibraryError::tanh);
  BOOST_TEST(worst.error >= 0.9);
}

BOOST_AUTO_TEST_CASE(erf_errs_by_no_more_than_the_table_says) {
  Worst worst;
  const auto see = [&](float x) { worst.see(x, std::erf(x), std::erf(static_cast<double>(x))); };
  every(1, bits_of(7.0F), 61, see);
  every(bits_of(-0.01F), bits_of(-7.0F), 61, see);
  every(bits_of(0.4F), bits_of(1.1F), 1, see);
  BOOST_TEST_MESSAGE("erf: " << worst.error << " u at " << worst.at << " of " << worst.tested);
  BOOST_TEST(worst.tested > 20'000'000);
  BOOST_TEST(worst.error <= LibraryError::erf);
  BOOST_TEST(worst.error >= 0.9);
}

BOOST_AUTO_TEST_CASE(tanh_and_erf_are_one_from_where_the_table_says) {
  int differing = 0;
  const auto see = [&](float x) {
    const double wide = x;
    differing += (x >= LibraryError::tanh_saturates && std::tanh(x) != 1.0F) +
                 (x >= LibraryError::tanh_saturates && std::tanh(wide) != 1.0) +
                 (std::erf(x) != 1.0F) + (std::erf(wide) != 1.0);
  };
  static_assert(LibraryError::erf_saturates == 6 && LibraryError::tanh_saturates == 22);
  every(bits_of(6.0F), bits_of(INFINITY) + 1, 601, see);
  every(bits_of(22.0F), bits_of(22.1F), 1, see);
  BOOST_TEST(differing == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reference
