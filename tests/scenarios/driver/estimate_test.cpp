#include "scenarios/driver/estimate.hpp"

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "scenarios/errors.hpp"
#include "scenarios/readable_bytes.hpp"
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

void forget_slurm() {
  for (const char* name : {"SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"})
    ::unsetenv(name);
}

/// What Slurm says of a job.
class Slurm {
 public:
  using Variables = std::map<std::string, std::string>;
  explicit Slurm(const Variables& variables) {
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Slurm() { forget_slurm(); }
};

/// A machine as files: 8 GiB available.
struct Files {
  TemporaryFolder folder;
  Files() {
    forget_slurm();
    write(folder / "proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB");
  }
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
  BOOST_TEST(files.measure().memory_limit.value() == 4 * gib);

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

BOOST_AUTO_TEST_CASE(what_slurm_gives_to_the_job_on_this_node_counts_too) {
  const Files files;
  {
    const Slurm job(Slurm::Variables{{"SLURM_MEM_PER_NODE", "4096"}});
    BOOST_TEST(files.measure().memory_bytes.value() == 4 * gib);
    BOOST_TEST(files.measure().memory_source == "SLURM_MEM_PER_NODE");
    BOOST_CHECK_EXCEPTION(refuse_if_too_much({5 * gib, 0, "out"}, files.measure()), ScenarioError,
                          says({"needs 5.0 GiB of memory, and 4.0 GiB are available",
                                "(SLURM_MEM_PER_NODE, a limit of 4.0 GiB)"}));
  }
  {
    const Slurm job(Slurm::Variables{{"SLURM_MEM_PER_CPU", "1024"}, {"SLURM_CPUS_ON_NODE", "3"}});
    BOOST_TEST(files.measure().memory_bytes.value() == 3 * gib);
    BOOST_TEST(files.measure().memory_source == "SLURM_MEM_PER_CPU x SLURM_CPUS_ON_NODE");
  }
  for (const char* all : {"0", "", "much", "9999999"}) {  // all of the node, or more than it has
    const Slurm job(Slurm::Variables{{"SLURM_MEM_PER_NODE", all}});
    BOOST_TEST(files.measure().memory_bytes.value() == 8 * gib, all);
  }
}

BOOST_AUTO_TEST_CASE(the_process_that_needs_most_is_held_against_the_limits_of_a_process) {
  const Files files;
  const auto limited = [&](__rlimit_resource resource, std::uint64_t bytes) {
    rlimit before{};
    ::getrlimit(resource, &before);
    const rlimit lower{bytes, before.rlim_max};
    ::setrlimit(resource, &lower);
    const Machine machine = files.measure();
    ::setrlimit(resource, &before);
    return machine;
  };
  const Needs needs{0, 0, "out", {{"sim", gib, gib / 2}, {"the judge", 3 * gib, 2 * gib}}};
  BOOST_CHECK_NO_THROW(refuse_if_too_much(needs, limited(RLIMIT_AS, 3 * gib)));
  BOOST_CHECK_EXCEPTION(refuse_if_too_much(needs, limited(RLIMIT_AS, 3 * gib - 1)), ScenarioError,
                        says({"the judge needs about 3.0 GiB of address space",
                              "ulimit -v allows each process 3.0 GiB", "ulimit -v unlimited",
                              "--override num_hidden_layers=2"}));
  BOOST_CHECK_NO_THROW(refuse_if_too_much(needs, limited(RLIMIT_DATA, 2 * gib)));
  BOOST_CHECK_EXCEPTION(refuse_if_too_much(needs, limited(RLIMIT_DATA, gib)), ScenarioError,
                        says({"the judge needs about 2.0 GiB of memory to write to",
                              "ulimit -d allows each process 1.0 GiB"}));
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

BOOST_AUTO_TEST_CASE(who_fills_more_memory_may_take_longer_to_start) {
  BOOST_TEST(
      seconds_to_start({.memory_bytes = 3'000'000'000, .disk_bytes = 0, .disk_folder = ""}) == 30);
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
