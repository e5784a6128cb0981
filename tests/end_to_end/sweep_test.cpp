// The sweep's scenarios as they stand, from families and layers to uneven cuts: run by reference,
// sim and real, and judged. (The tiny ones are plain Llamas, which grids_test.cpp runs on many
// grids.)
#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

const std::filesystem::path sweep_folder = "../scenarios/catalog/sweep";

JsonValue summary_of(const std::filesystem::path& scenario, const TemporaryFolder& folder) {
  const std::string out = folder / "out";
  const ProgramResult run = run_program({SHARDPROOF, "run", scenario.string(), "--out", out});
  BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
  return read_json(out + "/" + scenario.stem().string() + "/summary.json");
}

void expect_pass(const JsonValue& summary) {
  BOOST_TEST(summary.find("verdict")->text == "pass");
  std::set<std::string> passed;
  for (const JsonValue& check : summary.find("checks")->elements) {
    if (check.find("outcome")->text != "pass") continue;
    passed.insert(check.find("name")->text);
    BOOST_TEST(check.find("compared")->integer > 0, check.find("name")->text);
  }
  for (const char* required : {"op_local", "plan_units", "edges", "collectives", "sim_real"})
    BOOST_TEST(passed.count(required) == 1U, required);
}

BOOST_AUTO_TEST_SUITE(sweep)

BOOST_AUTO_TEST_CASE(every_scenario_passes) {
  std::set<std::string> families;
  for (const auto& entry : std::filesystem::directory_iterator(sweep_folder)) {
    if (entry.path().filename().string().starts_with("tiny-")) continue;
    BOOST_TEST_CONTEXT(entry.path().filename().string()) {
      const TemporaryFolder folder;
      expect_pass(summary_of(entry.path(), folder));
      const std::string config =
          sweep_json(entry.path().stem().string()).find("model")->find("config")->text;
      families.insert(read_json(config).find("model_type")->text);
    }
  }
  const std::set<std::string> all{"bloom",    "chatglm", "deepseek_v2", "gemma2",  "gpt2",
                                  "gpt_neox", "llama",   "mistral",     "mixtral", "phi3",
                                  "qwen2",    "qwen3",   "qwen3_moe"};
  BOOST_TEST(families == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
