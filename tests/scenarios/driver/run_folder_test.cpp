#include "scenarios/driver/run_folder.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <optional>

#include "scenarios/errors.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using shardproof::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run_once(const std::string& out, const std::string& text) {
  RunFolder folder(out, "quick");
  write(folder.file("summary.json"), text);
  folder.put_in_place(0);
}

auto says(const std::string& words) {
  return [words](const std::exception& error) {
    return std::string(error.what()).find(words) != std::string::npos;
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_folder)

BOOST_AUTO_TEST_CASE(results_appear_when_complete_and_replace_the_earlier_ones) {
  const TemporaryFolder out;
  const std::string results = out / "a/b";
  {
    RunFolder folder(results, "quick");
    write(folder.file("summary.json"), "1");
    fs::create_directory(folder.file("sim"));
    BOOST_TEST(!fs::exists(results + "/quick"));
    folder.put_in_place(0);
    BOOST_TEST(folder.path() == results + "/quick");
  }
  BOOST_TEST(read(results + "/quick/summary.json") == "1");

  run_once(results, "2");

  BOOST_TEST(read(results + "/quick/summary.json") == "2");
  BOOST_TEST(!fs::exists(results + "/quick/sim"));
  // Nothing else is left: no .part, no .old, no lock.
  BOOST_TEST(std::distance(fs::directory_iterator(results), fs::directory_iterator()) == 1);
}

BOOST_AUTO_TEST_CASE(a_failed_run_leaves_the_earlier_results_and_its_own_part) {
  const TemporaryFolder out;
  run_once(out.path(), "good");
  {
    RunFolder folder(out.path(), "quick");
    write(folder.file("log"), "half");
  }
  BOOST_TEST(read(out / "quick/summary.json") == "good");
  BOOST_TEST(read(out / "quick.part/log") == "half");

  RunFolder folder(out.path(), "quick");
  BOOST_TEST(!fs::exists(folder.file("log")));
}

BOOST_AUTO_TEST_CASE(a_verdict_is_replaced_by_a_verdict_alone) {
  const TemporaryFolder out;
  const auto run = [&](int exit_code) {
    RunFolder folder(out.path(), "quick");
    const std::string code = std::to_string(exit_code);
    write(folder.file("summary.json"), "{\"exit_code\": " + code + "}");
    folder.put_in_place(exit_code);
    return folder.path();
  };
  const std::string quick = out / "quick", beside = out / "quick.undecided";
  BOOST_TEST(run(3) == quick);  // nothing to lose
  BOOST_TEST(run(2) == quick);
  BOOST_TEST(run(0) == quick);
  BOOST_TEST(run(3) == beside);
  BOOST_TEST(run(2) == beside);
  BOOST_TEST(read(quick + "/summary.json") == "{\"exit_code\": 0}");
  BOOST_TEST(read(beside + "/summary.json") == "{\"exit_code\": 2}");
  BOOST_TEST(run(1) == quick);
  BOOST_TEST(!fs::exists(quick + ".part"));

  fs::remove(beside + "/.shardproof-results");
  BOOST_CHECK_EXCEPTION(run(3), ScenarioError, says(beside));
  BOOST_TEST(read(beside + "/summary.json") == "{\"exit_code\": 2}");
}

BOOST_AUTO_TEST_CASE(an_output_path_below_a_file_is_refused_by_name) {
  const TemporaryFolder out;
  write(out / "file", "mine");
  for (const std::string path : {"file", "file/", "file/below", "file/below/it"}) {
    BOOST_CHECK_EXCEPTION(RunFolder(out / path, "quick"), ScenarioError, says(out / "file"));
  }
  BOOST_CHECK_EXCEPTION(RunFolder("", "quick"), ScenarioError, says("empty"));
  BOOST_TEST(read(out / "file") == "mine");
}

BOOST_AUTO_TEST_CASE(what_is_no_result_is_never_replaced) {
  const TemporaryFolder out;
  for (const char* name : {"thesis", "photos.part", "old.old"}) {
    fs::create_directory(out / name);
    write(out / (std::string(name) + "/only_copy"), "precious");
  }
  write(out / "plain", "a file");
  for (const char* name : {"thesis", "photos", "old", "plain"}) {
    BOOST_CHECK_EXCEPTION(RunFolder(out.path(), name), ScenarioError, says(name));
  }
  for (const char* name : {"thesis", "photos.part", "old.old"}) {
    BOOST_TEST(read(out / (std::string(name) + "/only_copy")) == "precious");
  }
}

BOOST_AUTO_TEST_CASE(a_name_must_be_a_file_name) {
  const TemporaryFolder out;
  for (const char* name :
       {"", ".", "..", "a/b", "/etc", ".hidden", "a.part", "a.old", "a.undecided"}) {
    BOOST_CHECK_THROW(RunFolder(out.path(), name), ScenarioError);
  }
  BOOST_CHECK_EXCEPTION(RunFolder(out.path(), std::string(250, 'a')), ScenarioError,
                        says("250 bytes are too long"));
  RunFolder(out.path(), std::string(240, 'a'));
}

BOOST_AUTO_TEST_CASE(two_runs_of_one_name_are_refused_others_are_not) {
  const TemporaryFolder out;
  std::optional<RunFolder> first;
  first.emplace(out.path(), "quick");
  write(first->file("log"), "first");
  BOOST_CHECK_EXCEPTION(RunFolder(out.path(), "quick"), ScenarioError, says("another run"));
  BOOST_CHECK_EXCEPTION(RunFolder(out.path(), "quick"), ScenarioError, says("another run"));
  BOOST_TEST(read(first->file("log")) == "first");
  BOOST_CHECK_NO_THROW(RunFolder(out.path(), "other"));
  first.reset();
  BOOST_CHECK_NO_THROW(RunFolder(out.path(), "quick"));
}

BOOST_AUTO_TEST_CASE(a_run_killed_while_replacing_loses_nothing) {
  const TemporaryFolder out;
  run_once(out.path(), "good");
  fs::rename(out / "quick", out / "quick.old");  // killed after the first rename

  { RunFolder folder(out.path(), "quick"); }
  BOOST_TEST(read(out / "quick/summary.json") == "good");

  fs::copy(out / "quick", out / "quick.old");  // killed after the second
  { RunFolder folder(out.path(), "quick"); }
  BOOST_TEST(read(out / "quick/summary.json") == "good");
  BOOST_TEST(!fs::exists(out / "quick.old"));
}

BOOST_AUTO_TEST_SUITE_END()
