#include "scenarios/driver/estimate.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "scenarios/errors.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using shardproof::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t gib = 1ull << 30;

void write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text << '\n';
}

/// A machine as files: 8 GiB available.
struct Files {
  TemporaryFolder folder;
  Files() { write(folder / "proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB"); }
  Machine measure() const {
    return measure_machine(folder.path(), folder / "proc", folder / "cgroup");
  }
};

auto says(const std::vector<std::string>& words) {
  return [words](const std::exception& error) {
    for (const auto& word : words) {
      if (std::string(error.what()).find(word) == std::string::npos) return false;
    }
    return true;
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(estimate)

BOOST_AUTO_TEST_CASE(without_control_groups_the_available_memory_counts) {
  const Files files;
  const Machine machine = files.measure();
  BOOST_TEST(machine.memory_bytes.value() == 8 * gib);
  BOOST_TEST(machine.memory_source == files.folder / "proc/meminfo");
  BOOST_TEST(machine.disk_bytes.value() > 0u);
}

BOOST_AUTO_TEST_CASE(a_control_group_lowers_it_and_gives_back_its_cache) {
  const Files files;
  write(files.folder / "proc/self/cgroup", "0::/slurm/job_1/task");
  const std::string job = files.folder / "cgroup/slurm/job_1";
  write(job + "/task/memory.max", "max");
  write(job + "/task/memory.current", "1000");
  write(job + "/memory.max", std::to_string(4 * gib));
  write(job + "/memory.current", std::to_string(3 * gib));
  write(job + "/memory.stat", "anon 5\ninactive_file " + std::to_string(gib));
  BOOST_TEST(files.measure().memory_bytes.value() == 2 * gib);
  BOOST_TEST(files.measure().memory_source == job);

  write(job + "/memory.current", std::to_string(6 * gib));  // beyond its limit: nothing is left
  BOOST_TEST(files.measure().memory_bytes.value() == 0u);
}

BOOST_AUTO_TEST_CASE(version_1_and_the_root_of_a_container_count_too) {
  const Files files;
  write(files.folder / "proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/not/mounted");
  write(files.folder / "cgroup/memory/memory.limit_in_bytes", std::to_string(gib));
  write(files.folder / "cgroup/memory/memory.usage_in_bytes", std::to_string(gib / 2));
  BOOST_TEST(files.measure().memory_bytes.value() == gib / 2);
}

BOOST_AUTO_TEST_CASE(an_unknown_machine_refuses_nothing) {
  const TemporaryFolder empty;
  const Machine machine =
      measure_machine(empty / "not/yet/there", empty / "proc", empty / "cgroup");
  BOOST_TEST(!machine.memory_bytes.has_value());
  BOOST_TEST(machine.disk_bytes.has_value());
  BOOST_CHECK_NO_THROW(
      refuse_if_too_much({.memory_bytes = ~0ull, .disk_bytes = 0, .disk_folder = ""}, machine));
}

BOOST_AUTO_TEST_CASE(too_much_is_refused_with_the_numbers_and_a_way_out) {
  const Machine machine{8 * gib, "/proc/meminfo", 2 * gib};
  BOOST_CHECK_NO_THROW(refuse_if_too_much({8 * gib, 2 * gib, "out"}, machine));
  BOOST_CHECK_EXCEPTION(
      refuse_if_too_much({8 * gib + gib / 2, 0, "out"}, machine), ScenarioError,
      says({"8.5 GiB", "8.0 GiB", "/proc/meminfo", "--override num_hidden_layers=2", "steps"}));
  BOOST_CHECK_EXCEPTION(refuse_if_too_much({0, 2 * gib + 1, "results"}, machine), ScenarioError,
                        says({"2.0 GiB", "results", "--override", "--out"}));
}

BOOST_AUTO_TEST_CASE(bytes_are_readable) {
  BOOST_TEST(readable_bytes(0) == "0 bytes");
  BOOST_TEST(readable_bytes(1023) == "1023 bytes");
  BOOST_TEST(readable_bytes(1536) == "1.5 KiB");
  BOOST_TEST(readable_bytes(3ull << 40) == "3.0 TiB");
}

BOOST_AUTO_TEST_CASE(this_machine_has_memory_and_disk) {
  const Machine machine = measure_machine(".");
  BOOST_TEST(machine.memory_bytes.value() > 0u);
  BOOST_TEST(machine.disk_bytes.value() > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
