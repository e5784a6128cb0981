// Several scenarios at once: what a run in turn would have said, sooner; and an end to all of them.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <fstream>
#include <iterator>

#include "tests/end_to_end/night.hpp"
#include "tests/support/run_until.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

// Processes whose command line names the folder.
std::vector<std::string> processes_in(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& entry : files::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    const std::string words{std::istreambuf_iterator<char>(file), {}};
    if (has(words, folder)) found.push_back(words);
  }
  return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(scenarios_at_once_end_as_they_do_in_turn) {
  const Night night;
  night.add("a", small("first").set("steps", 4));
  night.add("b", small("second").set("steps", 2));
  write_text(night / "s/c.json", "{\"name\": ");
  night.add("d", small("fourth").set("steps", 4));
  night.add("e", small("fifth"));

  const auto started = std::chrono::steady_clock::now();
  const ProgramResult run =
      night.run({"run", "s", "--out", "out", "--jobs", "4", "--override", "hidden_size=32"});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();

  BOOST_TEST(run.exit_code == 2, run.err << run.out);
  const JsonValue suite = read_json(night / "out/suite.json");
  std::vector<std::string> names;
  double in_turn = 0;
  for (const JsonValue& entry : suite.find("scenarios")->elements) {
    names.push_back(entry.find("name")->text);
    in_turn += entry.find("seconds")->number;
    if (entry.find("folder")->text.empty()) continue;
    // All that is said of one is said at once.
    const std::string text = read_text(night / (entry.find("folder")->text + "/judge.log"));
    BOOST_TEST(has(run.out, text), text << run.out);
  }
  const std::vector<std::string> expected{"first", "second", "s/c.json", "fourth", "fifth"};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  BOOST_TEST(in_turn > 1.3 * seconds, in_turn << " s in turn, " << seconds << " s at once");
  BOOST_TEST(has(run.out, "5 scenarios: 4 pass, 1 unknown\n"), run.out);
  BOOST_TEST(has(run.err, "s/c.json:1:"), run.err);
  // Options go to each.
  const JsonValue ran = read_json(night / "out/fifth/scenario.json");
  BOOST_TEST(ran.find("model")->find("config")->find("hidden_size")->integer == 32);
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_all_that_run_at_once_and_names_what_they_left) {
  const Night night;
  for (const std::string name : {"a", "b", "c"}) night.add(name, small(name).set("steps", 500));

  const ProgramResult run = run_until(
      {SHARDPROOF, "run", night / "s", "--out", night / "out", "--jobs", "2"},
      {night / "out/a.part/sim/rank-00000.h5.part", night / "out/b.part/sim/rank-00000.h5.part"},
      SIGINT);

  BOOST_TEST(run.exit_code == 130, run.err);
  BOOST_TEST(has(run.err, "a: what it left lies in " + (night / "out/a.part")), run.err);
  BOOST_TEST(has(run.err, "b: what it left lies in " + (night / "out/b.part")), run.err);
  BOOST_TEST(!has(run.err, "c: what"), run.err);  // it had not begun
  BOOST_TEST(processes_in(night.path()).empty());
  BOOST_TEST(!files::exists(night / "out/.a.lock"));
}

// Each of them fits on the disk.
BOOST_AUTO_TEST_CASE(what_runs_at_once_must_fit_together) {
  const Night night;
  const auto large = [](const std::string& name) {
    JsonValue scenario = small(name);
    JsonValue* config = scenario.find("model")->find("config");
    config->set("vocab_size", 32'000).set("hidden_size", 256);
    return scenario;
  };
  night.add("a", large("a"));
  const auto trace_of = [&](const std::string& steps) {
    const ProgramResult plan = night.run({"plan", "s/a.json", "--json", "--steps", steps});
    return static_cast<double>(parse_json(plan.out, "plan").find("trace_bytes")->integer);
  };
  const double step = trace_of("2") - trace_of("1");
  const auto left = static_cast<double>(files::space(night.path()).available);
  const auto steps = static_cast<std::int64_t>(0.6 * left / step);
  for (const std::string name : {"a", "b"}) night.add(name, large(name).set("steps", steps));

  const ProgramResult run =
      night.run({"run", "s", "--out", "out", "--jobs", "2", "--timeout", "1"});

  BOOST_TEST(run.exit_code == 2, run.out);
  BOOST_TEST(has(run.err, "--jobs 2: of what runs at once, taken together: the run writes "),
             run.err);
  BOOST_TEST(!files::exists(night / "out/a.part"));
}

}  // namespace shardproof::tests
