// A hundred million elements of clean runs against their sets, and how much room each op uses: a
// ratio near 1 says that the set is tight, one beyond it that the bound is wrong.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>

#include "bounds_cases.hpp"

namespace shardproof::testing {
namespace {

struct Tally {
  std::int64_t compared = 0, failed = 0, unsound = 0;
  double max_ratio = 0;
  bool bitwise = true;
};

class Totals {
 public:
  void add(tests::CpuKernels& device, const Case& a_case) {
    const reference::UnitResult unit = replayed(a_case);
    const std::string name = reference::name_of(a_case.kind);
    Tally& tally = by_op_[name + " " + shardproof::name_of(a_case.precision.output)];
    if (!unit.sound) {
      ++tally.unsound;
      unexpected += !without_bound(a_case);
      return;
    }
    const auto result = testing::compared(device, a_case, unit);
    tally.compared += result.compared;
    tally.failed += result.failed;
    tally.max_ratio = std::max(tally.max_ratio, result.max_ratio);
    tally.bitwise = tally.bitwise && unit.bound.empty();
    compared += result.compared;
    failed += result.failed;
  }

  void print() const {
    std::printf("%-34s %12s %8s %8s  %s\n", "op", "elements", "outside", "unsound",
                "largest ratio");
    for (const auto& [name, tally] : by_op_)
      std::printf("%-34s %12lld %8lld %8lld  %s\n", name.c_str(),
                  static_cast<long long>(tally.compared), static_cast<long long>(tally.failed),
                  static_cast<long long>(tally.unsound),
                  tally.bitwise ? "bitwise" : std::to_string(tally.max_ratio).c_str());
    std::printf("%-34s %12lld %8lld\n", "all", static_cast<long long>(compared),
                static_cast<long long>(failed));
  }

  /// Of the op, in the dtype, of which the fewest elements were compared.
  std::int64_t fewest() const {
    std::int64_t fewest = compared;
    for (const auto& [name, tally] : by_op_) fewest = std::min(fewest, tally.compared);
    return fewest;
  }

  std::int64_t compared = 0, failed = 0;
  std::int64_t unexpected = 0;  // units without a sound bound that should have one

 private:
  std::map<std::string, Tally> by_op_;
};

BOOST_AUTO_TEST_SUITE(bounds_many)

BOOST_AUTO_TEST_CASE(a_hundred_million_elements_of_clean_runs_stay_inside) {
  constexpr std::int64_t wanted = 100'000'000;
  constexpr Extents large{.B = 4, .T = 128, .h = 8, .hk = 4, .hd = 32, .V = 512, .inner = 688};
  Totals totals;
  tests::CpuKernels device;
  for (unsigned seed = 1; totals.compared < wanted; ++seed) {
    Dice dice(seed);
    for (const Distribution distribution : all_distributions)
      for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::fp32, Dtype::fp64})
        for (const Case& a_case : all_cases(dtype, distribution, large, dice))
          totals.add(device, a_case);
  }
  totals.print();
  BOOST_TEST(totals.compared >= wanted);
  BOOST_TEST(totals.failed == 0);
  BOOST_TEST(totals.unexpected == 0);
  BOOST_TEST(totals.fewest() >= std::ssize(all_distributions));  // a loss is one number a case
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::testing
