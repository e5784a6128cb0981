// The scenario that every newcomer runs first.
#include <boost/test/unit_test.hpp>

#include "scenarios/trace/trace.hpp"
#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

// What was expected of memory, and what there was.
void expect_honest_estimate(const JsonValue& memory, const std::vector<std::string>& processes) {
  for (const std::string& name : processes) {
    const JsonValue* estimate = memory.find("estimate")->find(name);
    const JsonValue* peak = memory.find("peak")->find(name);
    BOOST_REQUIRE_MESSAGE(estimate != nullptr && peak != nullptr, name);
    const double ratio =
        static_cast<double>(estimate->integer) / static_cast<double>(peak->integer);
    BOOST_TEST((ratio > 1 / 1.5 && ratio < 1.5), name << ": " << ratio);
  }
}

BOOST_AUTO_TEST_CASE(the_quickstart_passes_with_clipping_active) {
  const TemporaryFolder folder;

  const ProgramResult result = run_program(
      {SHARDPROOF, "run", "../scenarios/catalog/quickstart.json", "--out", folder.path().string()});

  BOOST_REQUIRE_MESSAGE(result.exit_code == 0, result.err << result.out);
  const JsonValue summary = read_json(folder / "quickstart/summary.json");
  BOOST_TEST(summary.find("verdict")->text == "pass");
  const TraceReader sim(folder / "quickstart/sim");
  int clipped_steps = 0;
  int steps = 0;
  for (const auto& [path, holders] : sim.datasets()) {
    if (!path.ends_with("/scalar/clip_factor")) continue;
    double factor = 0;
    decode(holders[0].info.dtype, sim.read(holders[0]), std::span(&factor, 1));
    ++steps;
    if (factor < 1) ++clipped_steps;
  }
  BOOST_TEST(steps == 3);
  BOOST_TEST(clipped_steps > 0);
  BOOST_TEST(std::filesystem::file_size(folder / "quickstart/report.html") < 2'000'000U);
  expect_honest_estimate(*summary.find("memory"), {"reference", "sim", "real_rank", "shadow"});
}

}  // namespace
}  // namespace shardproof::tests
