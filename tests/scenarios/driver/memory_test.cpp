#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "scenarios/driver/estimate.hpp"
#include "scenarios/driver/run_record.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/memory_peak.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using shardproof::tests::TemporaryFolder;

namespace {

constexpr std::uint64_t gib = 1ull << 30;

ProcessNeeds kind(const char* who, const char* key, std::uint64_t bytes, std::uint64_t count = 1) {
  return {who, 0, 0, key, bytes, count * bytes, static_cast<int>(count)};
}

// 4 GiB and 2 and two of 1 beside each other, then 3.
Needs three_executions() {
  return {0,
          0,
          "out",
          {kind("the reference", "reference", 4 * gib), kind("sim", "sim", 2 * gib),
           kind("a rank of real", "real_rank", gib, 2), kind("the judge", judge_key, 3 * gib)}};
}

Fit fit_in(double available, const Needs& needs, int cores = 8) {
  const auto bytes = static_cast<std::uint64_t>(available * static_cast<double>(gib));
  return fit(needs, {bytes, "/proc/meminfo", std::nullopt}, cores);
}

std::string refusal_in(double available, const Needs& needs) {
  try {
    fit_in(available, needs);
  } catch (const ScenarioError& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(memory)

BOOST_AUTO_TEST_CASE(what_fits_runs_side_by_side) {
  const Fit all = fit_in(8, three_executions());
  BOOST_TEST(all.limits.jobs == 3);
  BOOST_TEST(all.said == "");
  BOOST_TEST(all.memory_bytes == 8 * gib);
  const Fit two_cores = fit_in(6, three_executions(), 2);  // that is how many are started
  BOOST_TEST(two_cores.limits.jobs == 2);
  BOOST_TEST(two_cores.said == "");
  BOOST_TEST(fit({0, 0, "out"}, Machine{}, 2).limits.jobs == 1);
}

BOOST_AUTO_TEST_CASE(what_keeps_all_processors_busy_has_no_memory_beside_it) {
  const std::vector<Load> loads{{4, 1}, {2, 1}, {5, 2}};
  BOOST_TEST(most_at_once(loads, {3, 4}) == 11U);
  BOOST_TEST(most_at_once(loads, {3, 3}) == 9U);  // 4 and 5, on three
  BOOST_TEST(most_at_once(loads, {3, 2}) == 6U);  // 4 and 2; and 5 alone
  BOOST_TEST(most_at_once(loads, {1, 4}) == 5U);
  BOOST_TEST(most_at_once({{{1, 1}, {9, 64}}}, {2, 2}) == 9U);
  BOOST_TEST(most_at_once({}, {2, 2}) == 0U);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_beside_each_other_runs_one_after_another_and_that_is_said) {
  const Fit two = fit_in(7, three_executions()), one = fit_in(5, three_executions());
  BOOST_TEST(two.limits.jobs == 2);
  BOOST_TEST(two.memory_bytes == 6 * gib);
  BOOST_TEST(two.said ==
             "its executions run two at a time: beside each other they need 8.0 GiB of memory, and "
             "7.0 GiB are available (/proc/meminfo)");
  BOOST_TEST(one.limits.jobs == 1);
  BOOST_TEST(one.memory_bytes == 4 * gib);
  BOOST_TEST(has(one.said, "its executions run one after another: "));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_alone_is_refused_with_the_numbers_and_a_way_out) {
  const std::string refused = refusal_in(3.5, three_executions());
  for (const char* words :
       {"needs 4.0 GiB of memory with its executions one after another",
        "the reference 4.0 GiB, sim 2.0 GiB, a rank of real 1.0 GiB (all 2.0 GiB), the judge 3.0 "
        "GiB",
        "3.5 GiB are available (/proc/meminfo)", "--executions sim,real", "--override"})
    BOOST_TEST(has(refused, words), words << " is not in: " << refused);
  // Here the judge does not fit either.
  BOOST_TEST(has(refusal_in(2.5, three_executions()), "needs 4.0 GiB"));
  BOOST_TEST(!has(refusal_in(2.5, three_executions()), "--executions"));
}

BOOST_AUTO_TEST_CASE(mapped_files_are_no_part_of_the_peak) {
  const TemporaryFolder proc;
  MemoryPeak peak(proc.path());
  const auto look = [&](int mark, int own, int of_files) {
    std::ofstream(proc / "status") << "Name:\tx\nVmHWM:\t" << mark << " kB\nRssAnon:\t" << own
                                   << " kB\nRssFile:\t" << of_files << " kB\nRssShmem:\t1 kB\n";
    peak.look();
    return peak.bytes() / 1024;
  };
  BOOST_TEST(look(500, 299, 200) == 300);
  BOOST_TEST(look(1100, 499, 600) == 500);  // of the mark, files are 600
  BOOST_TEST(look(1200, 99, 100) == 600);   // and what came between two looks is not lost
  BOOST_TEST(look(1200, 99, 100) == 600);
}

BOOST_AUTO_TEST_CASE(a_process_leaves_its_peak_for_whoever_started_it) {
  const TemporaryFolder folder;
  MemoryPeak peak;
  peak.look();
  BOOST_TEST(peak.bytes() > 1 << 20);
  BOOST_TEST(read_peaks(folder.path()).empty());

  leave_peak(folder.path(), "host.1", peak);

  BOOST_TEST(read_peaks(folder.path()) == std::vector<std::int64_t>{peak.bytes()});
}

BOOST_AUTO_TEST_CASE(a_run_keeps_what_it_expected_of_memory_and_what_there_was) {
  const TemporaryFolder folder;
  RunRecord record;
  record.executions = {
      {"reference", 0, 1, "", {50}}, {"sim", 0, 1, "", {40}}, {"real", 0, 1, "", {20, 30, 10}}};
  record.limits = {3, 2};
  record.said_of_memory = "one after another";
  record.memory_estimate = {{"sim", 42}, {"together", 120}};
  write_run_record(folder.path(), record);

  const RunRecord read = read_run_record(folder.path());

  BOOST_TEST(read.limits.jobs == 3);
  BOOST_TEST(read.limits.processors == 2);
  BOOST_TEST(read.said_of_memory == "one after another");
  BOOST_TEST((read.memory_estimate == record.memory_estimate));
  using Peaks = std::map<std::string, std::int64_t>;
  BOOST_TEST(
      (memory_peak_of(read, 5) ==
       Peaks{{"reference", 50}, {"sim", 40}, {"real_rank", 30}, {"judge", 5}, {"together", 90}}));
  BOOST_TEST(memory_peak_of(read, 200).at("together") == 200);
  BOOST_TEST(memory_peak_of(RunRecord{}, 200).empty());
}

BOOST_AUTO_TEST_SUITE_END()
