#include "scenarios/driver/results_listing.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/runs_at_once.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using shardproof::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

void write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

// As a killed run leaves it: unfinished results, and the file of a lock that nobody holds.
void leave_killed(const TemporaryFolder& out, const std::string& name) {
  write(out / (name + ".part/.shardproof-results"), "");
  write(out / ("." + name + ".lock"), "");
}

ListedResults only(const TemporaryFolder& out) {
  const std::vector<ListedResults> all = list_results(out.path().string());
  BOOST_REQUIRE(all.size() == 1U);
  return all.front();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(results_listing)

BOOST_AUTO_TEST_CASE(sizes_are_those_of_traces_and_of_the_rest) {
  const TemporaryFolder out;
  {
    RunFolder folder(out.path().string(), "a");
    fs::remove(folder.file(".shardproof-results"));
    write(folder.file(".shardproof-results"), "12");
    write(folder.file("summary.json"), R"({"verdict": "fail", "exit_code": 1})");
    write(folder.file("sim/rank-00000.h5"), std::string(100, 'x'));
    write(folder.file("sim/checkpoints/step-1/rank-00000.h5"), std::string(1000, 'x'));
    folder.put_in_place(1);
  }
  write(out / "thesis/only_copy", "not ours");

  const ListedResults results = only(out);

  BOOST_TEST(results.name == "a");
  BOOST_TEST(results.verdict == "fail");
  BOOST_TEST(results.trace_bytes == 100U);
  BOOST_TEST(results.other_bytes == 2U + 35U + 1000U);
  BOOST_TEST(results.advice == "");
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_is_told_from_one_that_was_killed) {
  const TemporaryFolder out;
  {
    const RunFolder running(out.path().string(), "a");
    BOOST_TEST(only(out).name == "a.part");
    BOOST_TEST(only(out).verdict == "running");
    BOOST_TEST(leftovers_in(out.path().string(), {}) == "");
  }
  BOOST_TEST(only(out).verdict == "stopped");
  BOOST_TEST(leftovers_in(out.path().string(), {"a"}) == "");  // which is replaced
  BOOST_TEST(leftovers_in(out.path().string(), {"b"}).find(": a.part (") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_next_run_removes_the_locks_of_killed_ones_and_no_others) {
  const TemporaryFolder out;
  leave_killed(out, "killed");
  write(out / ".editor.lock", "");  // some other program's
  const RunFolder running(out.path().string(), "running");

  const RunFolder next(out.path().string(), "next");

  BOOST_TEST(!fs::exists(out / ".killed.lock"));
  BOOST_TEST(fs::exists(out / "killed.part"));
  BOOST_TEST(fs::exists(out / ".running.lock"));
  BOOST_TEST(fs::exists(out / ".next.lock"));
  BOOST_TEST(fs::exists(out / ".editor.lock"));
}

BOOST_AUTO_TEST_CASE(what_runs_at_once_needs_is_the_sum_of_the_largest) {
  const std::vector<Needs> needs{{1, 50, "out"}, {7, 10, "out"}, {5, 20, "out"}};
  const Needs two = needs_at_once(needs, 2), all = needs_at_once(needs, 9);
  BOOST_TEST(two.memory_bytes == 12U);
  BOOST_TEST(two.disk_bytes == 70U);
  BOOST_TEST(two.disk_folder == "out");
  BOOST_TEST(all.memory_bytes == 13U);
  BOOST_TEST(needs_at_once({}, 2).memory_bytes == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
