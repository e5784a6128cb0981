// A plan beside that for 8 ranks: what it costs should not follow their number.
#include "real/run/rank_run.hpp"
#include "scenarios/plan/accounts.hpp"
#include "tests/bench/beside.hpp"
#include "tests/bench/small_scenario.hpp"

using namespace shardproof;

namespace {

void plan_beside_that_of_8_ranks(benchmark::State& state) {
  const auto plan = [](const Scenario& scenario) {
    benchmark::DoNotOptimize(accounts_of(real::checked_program(scenario)));
  };
  const Scenario small = bench::small_scenario(64, 8);
  const Scenario large = bench::small_scenario(64, static_cast<int>(state.range(0)));
  bench::beside(
      state, "of 8 ranks", [&] { plan(small); }, [&] { plan(large); });
}

}  // namespace

BENCHMARK(plan_beside_that_of_8_ranks)
    ->RangeMultiplier(8)
    ->Range(8, 4096)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
