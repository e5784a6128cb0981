// Scenarios that are drawn, and made smaller, through the whole program. What a draw shows is
// tested in scenarios/random, and more seeds in random_scenarios_test.
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

BOOST_AUTO_TEST_SUITE(fuzz)

BOOST_AUTO_TEST_CASE(seeds_clean_and_faulty_end_as_they_must) {
  const TemporaryFolder folder;
  for (const bool faulty : {false, true}) {
    std::vector<std::string> words{SHARDPROOF, "fuzz", "--seed", "3",
                                   "--count",  "3",    "--out",  folder / "out"};
    if (faulty) words.push_back("--faulty");

    const ProgramResult result = run_program(words);

    BOOST_TEST(result.exit_code == 0, result.out << result.err);
    const JsonValue told = read_json(folder / "out/fuzz.json");
    BOOST_TEST(told.find("faulty")->boolean == faulty);
    BOOST_TEST(told.find("right")->integer == 3);  // none of these has a defect without effect
    BOOST_TEST(told.find("wrong")->elements.empty());
    for (const auto& left : std::filesystem::directory_iterator(folder / "out"))
      BOOST_TEST(left.path().filename() == "fuzz.json");
  }
}

// Seeds that once ended wrongly:
//   1026  a collective that was doubled while others were under way took these along
//   1049  a sum left out, by which ranks chose other experts, and parted further on
BOOST_AUTO_TEST_CASE(a_defect_is_named_where_it_is_also_if_ranks_part_behind_it) {
  const TemporaryFolder folder;
  for (const char* seed : {"1026", "1049"}) {
    const ProgramResult result = run_program({SHARDPROOF, "fuzz", "--seed", seed, "--count", "1",
                                              "--faulty", "--runs", "0", "--out", folder / "out"});

    BOOST_TEST(result.exit_code == 0, result.out << result.err);
    BOOST_TEST(read_json(folder / "out/fuzz.json").find("right")->integer == 1);
  }
}

BOOST_AUTO_TEST_CASE(what_an_earlier_campaign_has_kept_is_told) {
  const TemporaryFolder folder;
  std::ofstream(folder / "seed-3.json") << "{}";
  std::ofstream(folder / "seed-3.small.json") << "{}";

  const ProgramResult result = run_program(
      {SHARDPROOF, "fuzz", "--seed", "3", "--count", "1", "--out", folder.path().string()});

  BOOST_TEST(result.exit_code == 0, result.out << result.err);
  BOOST_TEST(result.err.find("1 scenario (seed-*.json) of earlier campaigns") != std::string::npos,
             result.err);
}

BOOST_AUTO_TEST_CASE(a_file_in_the_way_of_what_is_written_is_a_mistake_of_the_user) {
  const TemporaryFolder folder;
  const std::string in_the_way = folder / "file";
  std::ofstream(in_the_way) << "text";
  const std::string scenario = sweep_file("llama-tp2-dp2-zero2-bf16");

  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"fuzz", "--count", "1", "--out", in_the_way},
        {"minimize", scenario, "--out", in_the_way + "/small.json"},
        {"faults", "column-backward-not-reduced", "--catalog", "../scenarios/catalog/faults",
         "--out", in_the_way + "/below"}}) {
    std::vector<std::string> command{SHARDPROOF};
    command.insert(command.end(), words.begin(), words.end());
    const ProgramResult result = run_program(command);
    BOOST_TEST(result.exit_code == 2, result.err);
    BOOST_TEST(result.err ==
               "shardproof: " + in_the_way + ": is a file; results cannot be written below it\n");
  }
}

/// A scenario with a defect, or without, in a file.
std::string file_of(const TemporaryFolder& folder, const std::string& edit) {
  JsonValue scenario = simulated(sweep_json("llama-tp2-dp2-zero2-bf16"));
  if (!edit.empty()) scenario.set("inject", parse_json("[" + edit + "]", "inject"));
  const std::string file = folder / "scenario.json";
  std::ofstream(file) << write_json(scenario, 2);
  return file;
}

BOOST_AUTO_TEST_CASE(a_failing_scenario_is_made_smaller_and_fails_in_the_same_way) {
  const TemporaryFolder folder;
  const std::string file = file_of(
      folder, R"({"edit": "drop", "op": "model.layers.1.mlp.down_proj/forward/all_reduce"})");
  const std::string small = folder / "small.json";

  const ProgramResult result = run_program({SHARDPROOF, "minimize", file, "--out", small});

  BOOST_TEST(result.exit_code == 0, result.err);
  JsonValue scenario = read_json(small);
  BOOST_TEST(scenario.find("world")->integer == 2);
  BOOST_TEST(scenario.find("model")->find("config")->find("num_hidden_layers")->integer == 1);
  const ProgramRun run = run_scenario(scenario, folder.path().string());
  BOOST_TEST(run.exit_code == 1);
  BOOST_TEST(run.divergence().find("op")->text ==
             "model.layers.0.mlp.down_proj/forward/all_reduce");
  const ProgramResult again = run_program({SHARDPROOF, "minimize", file, "--out", small});
  BOOST_TEST(again.exit_code == 2);
  BOOST_TEST(again.err.find("is there already") != std::string::npos, again.err);
}

BOOST_AUTO_TEST_CASE(what_passes_or_is_refused_is_not_made_smaller) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& edit, const std::string& said) {
    const ProgramResult result = run_program(
        {SHARDPROOF, "minimize", file_of(folder, edit), "--out", folder / "small.json"});
    BOOST_TEST(result.exit_code == 2);
    BOOST_TEST(result.err.find(said) != std::string::npos, result.err);
    BOOST_TEST(!std::filesystem::exists(folder / "small.json"));
    for (const auto& left : std::filesystem::directory_iterator(folder.path()))
      BOOST_TEST(left.path().filename() == "scenario.json");
  };

  refused("",
          "passes, so that there is nothing to look for; --real runs real, too; \"shadow\": true");
  refused(R"({"edit": "drop", "op": "no/such/op"})", "the program has no op 'no/such/op'");
  const ProgramResult of_folder =
      run_program({SHARDPROOF, "minimize", folder.path().string(), "--out", folder / "small.json"});
  BOOST_TEST(of_folder.exit_code == 2);
  BOOST_TEST(of_folder.err.find("is a folder, expected the file of a scenario: " +
                                (folder / "scenario.json")) != std::string::npos,
             of_folder.err);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
