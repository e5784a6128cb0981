// The whole program on several grids: reference, sim over threads of one process, real over MPI,
// judged.
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

struct Grid {
  int tp, dp, zero;
  const char* scenario;
};

BOOST_AUTO_TEST_SUITE(grids)

BOOST_AUTO_TEST_CASE(every_grid_agrees) {
  const std::vector<Grid> grids{{1, 1, 0, "tiny-tp1-dp1-zero0-fp64"},
                                {2, 1, 1, "tiny-bias-tp2-dp2-zero1-bf16"},
                                {1, 2, 0, "tiny-bias-tp2-dp2-zero1-bf16"},
                                {2, 2, 1, "tiny-bias-tp2-dp2-zero1-bf16"},
                                {2, 2, 0, "tiny-gqa-tp2-dp2-zero1-fp64"},
                                {4, 1, 1, "tiny-tp4-dp1-zero0-fp32"},
                                {1, 3, 1, "tiny-bias-tp2-dp2-zero1-bf16"},
                                {1, 4, 0, "tiny-tp1-dp4-zero0-bf16"},
                                {2, 4, 1, "tiny-gqa-tp2-dp4-zero1-bf16-rank_order"}};
  for (const Grid& grid : grids) {
    JsonValue scenario = sweep_json(grid.scenario);
    JsonValue* deepspeed = scenario.find("deepspeed");
    deepspeed->set("tensor_parallel",
                   JsonValue::object().set("autotp_size", grid.tp).set("preset_model", "llama"));
    deepspeed->find("zero_optimization")->set("stage", grid.zero);
    scenario.set("world", grid.tp * grid.dp);
    const TemporaryFolder folder;
    BOOST_TEST_CONTEXT("tp " << grid.tp << " dp " << grid.dp << " zero " << grid.zero) {
      const ProgramRun run = run_scenario(for_its_verdict(scenario), folder.path().string());

      BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
      BOOST_TEST(run.summary.find("verdict")->text == "pass");
      BOOST_TEST(run.outcome("sim_real") == "pass");
      for (const JsonValue& check : run.summary.find("checks")->elements)
        if (check.find("outcome")->text == "pass")
          BOOST_TEST(check.find("compared")->integer > 0, check.find("name")->text);
    }
  }
}

BOOST_AUTO_TEST_CASE(compare_tells_equal_runs_from_explained_and_different_ones) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  JsonValue scenario = sweep_json("tiny-bias-tp2-dp2-zero1-bf16");
  BOOST_REQUIRE(run_scenario(scenario, folder.path().string()).exit_code == 0);
  const std::string first = out + "/" + scenario.find("name")->text;
  scenario.set("name", "wider").set("world", 2);
  scenario.find("deepspeed")->set("tensor_parallel", JsonValue::object().set("autotp_size", 1));
  BOOST_REQUIRE(run_scenario(scenario, folder.path().string()).exit_code == 0);
  scenario.set("name", "seeded").set("seed", 99);
  BOOST_REQUIRE(run_scenario(simulated(scenario), folder.path().string()).exit_code == 0);

  const ProgramResult same = run_program({SHARDPROOF, "compare", first + "/sim", first + "/real"});
  const ProgramResult wider = run_program(
      {SHARDPROOF, "compare", first, out + "/wider", "--report", folder / "compare.html"});
  const ProgramResult other = run_program({SHARDPROOF, "compare", out + "/wider", out + "/seeded"});

  BOOST_TEST(same.exit_code == 0, same.out << same.err);
  BOOST_TEST(same.out.starts_with("EQUAL: "), same.out.substr(0, 200));
  BOOST_TEST(wider.exit_code == 0, wider.out << wider.err);
  BOOST_TEST(wider.out.starts_with("EXPLAINED by rounding: "), wider.out.substr(0, 200));
  BOOST_TEST(std::filesystem::exists(folder / "compare.html"));
  BOOST_TEST(other.exit_code == 1, other.out << other.err);
  BOOST_TEST(other.out.starts_with("DIFFERENT: "), other.out.substr(0, 200));
  BOOST_TEST(run_program({SHARDPROOF, "compare", first, folder / "nowhere"}).exit_code == 2);
}

// The effective scenario repeats the run: what it writes is what it wrote.
BOOST_AUTO_TEST_CASE(the_effective_scenario_repeats_the_run_bit_for_bit) {
  const TemporaryFolder folder;
  const JsonValue scenario = sweep_json("tiny-bias-tp2-dp2-zero1-bf16");
  BOOST_REQUIRE(run_scenario(scenario, folder.path().string()).exit_code == 0);
  const std::string first = folder / ("out/" + scenario.find("name")->text);

  const ProgramResult again =
      run_program({SHARDPROOF, "run", first + "/scenario.json", "--out", folder / "again"});

  BOOST_REQUIRE(again.exit_code == 0);
  const std::string second = folder / ("again/" + scenario.find("name")->text);
  BOOST_TEST(
      run_program({"cmp", first + "/sim/rank-00003.h5", second + "/sim/rank-00003.h5"}).exit_code ==
      0);
  BOOST_TEST(run_program({SHARDPROOF, "compare", first + "/real", second + "/real"}).exit_code ==
             0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
