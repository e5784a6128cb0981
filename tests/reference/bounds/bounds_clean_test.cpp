// Clean runs stay inside their sets: every kind of unit, every storage dtype, every distribution.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>
#include <string>

#include "bounds_cases.hpp"

namespace shardproof::testing {
namespace {

BOOST_AUTO_TEST_SUITE(bounds_clean)

// An element without a finite bound would pass whatever it is.
int finite_without_bound(const reference::UnitResult& unit) {
  int found = 0;
  for (std::size_t i = 0; i < unit.bound.size(); ++i)
    found += std::isfinite(unit.value[i]) && !std::isfinite(unit.bound[i] + unit.error[i]);
  return found;
}

void expect_clean(Dtype dtype, Distribution distribution, unsigned seed) {
  Dice dice(seed);
  tests::CpuKernels device;
  std::set<reference::UnitKind> kinds;
  for (const Case& a_case : all_cases(dtype, distribution, Extents{}, dice)) {
    kinds.insert(a_case.kind);
    const std::string what = std::string(reference::name_of(a_case.kind)) + " " +
                             shardproof::name_of(dtype) + " " + name_of(distribution);
    const reference::UnitResult unit = replayed(a_case);
    BOOST_TEST(unit.sound == !without_bound(a_case), what);
    if (!unit.sound) continue;
    BOOST_TEST(finite_without_bound(unit) == 0, what);
    const auto result = compared(device, a_case, unit);
    BOOST_TEST(result.compared == element_count(a_case.output), what);
    BOOST_TEST(result.all_passed(),
               what << ": " << result.failed << " of " << result.compared << " outside, first at "
                    << result.first_failed << ": expected " << result.expected << ", got "
                    << result.got << ", bound " << result.bound << ", ratio " << result.max_ratio);
  }
  BOOST_TEST(kinds.size() == std::size_t(reference::UnitKind::sgd) + 1);  // it is the last
}

BOOST_AUTO_TEST_CASE(the_kernels_never_leave_the_sets) {
  constexpr unsigned seed = 4711;
  BOOST_TEST_MESSAGE("seed " << seed);
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::fp32, Dtype::fp64})
    for (const Distribution distribution : all_distributions)
      expect_clean(dtype, distribution, seed);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::testing
