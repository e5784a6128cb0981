// The scenarios that cover the engine for GPUs, on simulated ones: each passes, and no bit of it
// depends on when a GPU does its work. On real GPUs: shardproof run scenarios/catalog/gpu
// --override real=cuda.
#include <boost/test/unit_test.hpp>
#include <set>

#include "real/host/launcher.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/model/families.hpp"
#include "tests/end_to_end/program.hpp"
#include "tests/support/trace_differences.hpp"

namespace shardproof::tests {
namespace {

std::vector<Scenario> covering_scenarios() {
  std::vector<Scenario> scenarios;
  for (const auto& entry : std::filesystem::directory_iterator("../scenarios/catalog/gpu"))
    scenarios.push_back(read_scenario(entry.path().string()));
  std::ranges::sort(scenarios, {}, &Scenario::name);
  return scenarios;
}

/// The real engine alone, under another schedule, with its trace in `folder`, without a master.
void execute_real(Scenario scenario, const std::string& schedule, const std::string& folder) {
  scenario.gpu_schedule = schedule;
  scenario.trace_keep = TraceKeep::never;
  std::filesystem::create_directories(folder);
  const std::string file = folder + ".json";
  write_text(file, write_scenario(scenario));
  const std::vector<std::string> rank{SHARDPROOF, "execute", "real", file, folder};
  const real::LaunchCommand launch = real::launch_command(scenario.world(), rank);
  std::vector<std::string> command{"env"};
  for (const auto& [name, value] : launch.environment) command.push_back(name + "=" + value);
  command.insert(command.end(), launch.arguments.begin(), launch.arguments.end());
  const ProgramResult result = run_program(command);
  BOOST_REQUIRE_MESSAGE(result.exit_code == 0, result.err << result.out);
}

BOOST_AUTO_TEST_SUITE(gpu_catalog)

BOOST_AUTO_TEST_CASE(it_covers_the_engine) {
  std::set<std::string> families;
  std::set<std::pair<Dtype, int>> stages;
  std::set<Mode> modes;
  int saving = 0;
  const std::vector<Scenario> scenarios = covering_scenarios();
  for (const Scenario& scenario : scenarios) {
    BOOST_TEST(scenario.model.hidden_size <= 32);
    BOOST_TEST(scenario.model.num_hidden_layers <= 2);
    BOOST_TEST(scenario.world() <= 4);
    families.insert(scenario.model.family);
    modes.insert(scenario.mode);
    saving += !scenario.checkpoint.save_after.empty();
    if (scenario.trains()) stages.emplace(scenario.training.working, scenario.parallel.zero_stage);
  }
  BOOST_TEST(scenarios.size() <= 25U);
  const std::vector<std::string> names = family_names();
  const std::set<std::string> all(names.begin(), names.end());
  BOOST_TEST(families == all, boost::test_tools::per_element());
  BOOST_TEST(stages.size() == 4U * 3U);
  BOOST_TEST(modes.size() == 2U);
  BOOST_TEST(saving > 0);
}

BOOST_AUTO_TEST_CASE(every_scenario_passes_with_equal_bits_under_every_schedule) {
  for (const Scenario& scenario : covering_scenarios()) {
    BOOST_TEST_CONTEXT(scenario.name) {
      const TemporaryFolder folder;
      const ProgramResult run =
          run_program({SHARDPROOF, "run", scenario.file, "--out", folder / "out"});
      BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
      const std::string latest = folder / ("out/" + scenario.name + "/real");
      for (const std::string schedule : {"random:1", "random:2"}) {
        const std::string other = folder / schedule;
        execute_real(scenario, schedule, other);
        const Differences in = differences(latest, other, "");
        BOOST_TEST(in.compared > 100);
        BOOST_TEST(in.different == 0, schedule);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
