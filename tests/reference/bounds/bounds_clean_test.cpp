// Clean runs stay inside their sets: every kind of unit, every storage dtype, every distribution.
#include <boost/test/unit_test.hpp>

#include "bounds_cases.hpp"

namespace shardproof::testing {
namespace {

BOOST_AUTO_TEST_SUITE(bounds_clean)

void expect_clean(Dtype dtype, Distribution distribution, unsigned seed, int& unsound) {
  Dice dice(seed);
  tests::CpuKernels device;
  for (const Case& a_case : all_cases(dtype, distribution, Extents{}, dice)) {
    const reference::UnitResult unit = replayed(a_case);
    if (!unit.sound) {
      ++unsound;
      BOOST_TEST_MESSAGE("unsound: " << reference::name_of(a_case.kind) << " "
                                     << name_of(distribution) << " " << shardproof::name_of(dtype));
      continue;
    }
    const auto result = reports::compare_to_set(
        a_case.precision.output, unit, recorded(device, a_case), reports::NonFinite::accepted);
    BOOST_TEST(result.all_passed(),
               reference::name_of(a_case.kind)
                   << " " << shardproof::name_of(dtype) << " " << name_of(distribution) << ": "
                   << result.failed << " of " << result.compared << " outside, first at "
                   << result.first_failed << ": expected " << result.expected << ", got "
                   << result.got << ", bound " << result.bound << ", ratio " << result.max_ratio);
  }
}

BOOST_AUTO_TEST_CASE(the_kernels_never_leave_the_sets) {
  constexpr unsigned seed = 4711;
  BOOST_TEST_MESSAGE("seed " << seed);
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::fp32, Dtype::fp64})
    for (const Distribution distribution : all_distributions) {
      int unsound = 0;
      expect_clean(dtype, distribution, seed, unsound);
      // Only numbers beyond what an accumulator can hold may be without a sound bound.
      if (distribution != Distribution::large) BOOST_TEST(unsound == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::testing
