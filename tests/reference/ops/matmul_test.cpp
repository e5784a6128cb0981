#include "reference/ops/matmul.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <future>
#include <limits>

#include "tests/reference/random_tensors.hpp"

namespace shardproof::reference {

namespace {
using testing::Random;
using testing::relative_difference;
}  // namespace

BOOST_AUTO_TEST_SUITE(matmul_test)

BOOST_AUTO_TEST_CASE(products_by_hand) {
  const Tensor x({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor w({2, 3}, {1, 0, -1, 2, 1, 0});
  const Tensor dy({2, 2}, {1, 10, 100, 1000});

  const Tensor y({2, 2}, {-2, 4, -2, 13});
  BOOST_TEST(matmul(x, w).values == y.values);
  BOOST_TEST(matmul_vjp_input(dy, w).values == (std::vector<double>{21, 10, -1, 2100, 1000, -100}));
  BOOST_TEST(matmul_vjp_weight(dy, x, 1).values ==
             (std::vector<double>{401, 502, 603, 4010, 5020, 6030}));
}

BOOST_AUTO_TEST_CASE(each_batch_group_has_its_own_weight_gradient) {
  const Tensor x({2, 1, 2}, {1, 2, 3, 4});
  const Tensor dy({2, 1, 1}, {10, 100});

  const Tensor dw = matmul_vjp_weight(dy, x, 2);

  BOOST_TEST(dw.shape == (Shape{2, 1, 2}));
  BOOST_TEST(dw.values == (std::vector<double>{10, 20, 300, 400}));
}

BOOST_AUTO_TEST_CASE(blas_and_plain_loops_agree_on_every_form) {
  Random random(11);
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1}, {7, 5, 3}, {64, 33, 129}}) {
    const Tensor x = random.tensor({m, k}), w = random.tensor({n, k}), dy = random.tensor({m, n});
    const Tensor y = matmul(x, w), dx = matmul_vjp_input(dy, w), dw = matmul_vjp_weight(dy, x, 1);

    const PlainLoops plain;

    BOOST_TEST(relative_difference(y, matmul(x, w)) < 1e-14);
    BOOST_TEST(relative_difference(dx, matmul_vjp_input(dy, w)) < 1e-14);
    BOOST_TEST(relative_difference(dw, matmul_vjp_weight(dy, x, 1)) < 1e-14);
  }
}

// The judge computes from many threads, and a serial OpenBLAS does not allow that by itself.
BOOST_AUTO_TEST_CASE(products_of_many_threads_are_bit_for_bit_those_of_one) {
  constexpr std::size_t threads = 8, rounds = 3000;
  struct Product {
    Tensor x, w, expected;
  };
  Random random(7);
  std::vector<Product> products;
  for (const auto& [m, n, k] :
       {std::array<std::int64_t, 3>{64, 80, 48}, {33, 29, 65}, {16, 16, 16}, {1, 40, 200}}) {
    Tensor x = random.tensor({m, k}), w = random.tensor({n, k});
    products.push_back({x, w, matmul(x, w)});
  }
  const auto count_wrong = [&](std::size_t first) {
    int wrong = 0;
    for (std::size_t round = first; round < first + rounds; ++round) {
      const Product& product = products[round % products.size()];
      if (matmul(product.x, product.w).values != product.expected.values) ++wrong;
    }
    return wrong;
  };

  std::vector<std::future<int>> wrong;
  for (std::size_t t = 0; t < threads; ++t)
    wrong.push_back(std::async(std::launch::async, count_wrong, t));

  for (std::future<int>& each : wrong) BOOST_TEST(each.get() == 0);
}

BOOST_AUTO_TEST_CASE(the_spot_check_refuses_a_wrong_product) {
  Random random(12);
  const Tensor a = random.tensor({4, 6}), b = random.tensor({6, 2});
  const Factor left{a.values, 4, 6}, right{b.values, 6, 2};
  std::vector<double> c(8);  // as many as are checked
  plain_product(left, right, c);
  BOOST_CHECK_NO_THROW(detail::spot_check<double>(left, right, c));

  for (double& element : c) {
    const double right_value = element;
    element += 1e-13;
    BOOST_CHECK_THROW(detail::spot_check<double>(left, right, c), InvariantError);
    element = std::numeric_limits<double>::quiet_NaN();
    BOOST_CHECK_THROW(detail::spot_check<double>(left, right, c), InvariantError);
    element = right_value;
  }
}

BOOST_AUTO_TEST_CASE(a_nan_in_a_weight_is_a_number_to_be_judged_not_a_broken_blas) {
  Tensor w({2, 2}, {1, 2, 3, std::numeric_limits<double>::quiet_NaN()});

  const Tensor y = matmul(Tensor({1, 2}, {1, 1}), w);

  BOOST_TEST(y[0] == 3);
  BOOST_TEST(std::isnan(y[1]));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
