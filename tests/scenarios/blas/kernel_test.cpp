#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

#include "scenarios/blas/kernel_check.hpp"
#include "scenarios/blas/kernel_choice.hpp"
#include "scenarios/errors.hpp"

using namespace shardproof;
using namespace shardproof::blas;

namespace {

// Of products with more terms than fit in one go, the last term is forgotten.
void forgets_a_term(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a,
                    int la, const float* b, int lb, float beta, float* c, int lc) {
  library().sgemm(order, ta, tb, m, n, k > 500 ? k - 1 : k, alpha, a, la, b, lb, beta, c, lc);
}

// The last bits of an element of the last row are lost, where both factors are transposed.
void loses_bits(int order, int ta, int tb, int m, int n, int k, double alpha, const double* a,
                int la, const double* b, int lb, double beta, double* c, int lc) {
  library().dgemm(order, ta, tb, m, n, k, alpha, a, la, b, lb, beta, c, lc);
  double& last = c[(m - 1) * lc + n - 1];
  if (ta == 112 && tb == 112 && m == 67) last = static_cast<float>(last);
}

// Without beta it adds to what was there.
void adds(int order, int ta, int tb, int m, int n, int k, double alpha, const double* a, int la,
          const double* b, int lb, double, double* c, int lc) {
  library().dgemm(order, ta, tb, m, n, k, alpha, a, la, b, lb, 1.0, c, lc);
}

void check_refused(const Library& broken, const std::string& product) {
  BOOST_CHECK_EXCEPTION(check_kernel(broken), EnvironmentError, [&](const EnvironmentError& error) {
    const std::string text = error.what();
    BOOST_TEST_MESSAGE(text);
    return text.find("wrong numbers on this machine with its kernel Fictitious (by a test): " +
                     product) != std::string::npos;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(blas_kernel)

BOOST_AUTO_TEST_CASE(the_kernel_follows_what_the_processor_can_do) {
  BOOST_TEST(kernel_for({}) == "");
  BOOST_TEST(kernel_for({.avx = true}) == "Sandybridge");
  BOOST_TEST(kernel_for({.avx = true, .avx2_and_fma = true}) == "Haswell");
  BOOST_TEST(kernel_for({.avx = true, .avx2_and_fma = true, .amd = true}) == "Zen");
  BOOST_TEST(kernel_for({.avx = true, .avx2_and_fma = true, .avx512 = true}) == "SkylakeX");
}

BOOST_AUTO_TEST_CASE(the_library_says_the_kernel_that_was_chosen_and_leaves_the_environment_alone) {
  const char* before = std::getenv("OPENBLAS_CORETYPE");
  const std::string asked = before == nullptr ? kernel_for(features_of_this_cpu()).data() : before;

  const Library& loaded = library();

  BOOST_TEST(std::getenv("OPENBLAS_CORETYPE") == before);
  if (!asked.empty()) BOOST_TEST(loaded.kernel == asked);
  BOOST_TEST(loaded.description().find("OpenBLAS ") == 0);
  BOOST_TEST(loaded.description().find("kernels for " + loaded.kernel + ", by " +
                                       loaded.chosen_by) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_kernel_that_computes_wrong_numbers_is_named) {
  BOOST_CHECK_NO_THROW(check_kernel(library()));
  Library fictitious = library();
  fictitious.kernel = "Fictitious";
  fictitious.chosen_by = "a test";

  Library broken = fictitious;
  broken.sgemm = forgets_a_term;
  check_refused(broken, "sgemm of (19, 531) by (531, 23) gives ");

  broken = fictitious;
  broken.dgemm = loses_bits;
  check_refused(broken, "dgemm of (67, 41) by (41, 37) gives ");
  broken.dgemm = adds;
  check_refused(broken, "dgemm of (1, 1) by (1, 1) gives nan at (0, 0)");
}

BOOST_AUTO_TEST_SUITE_END()
