#include "scenarios/driver/estimate.hpp"

#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "scenarios/errors.hpp"
#include "scenarios/readable_bytes.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

// The number of a file that holds nothing else; nothing for "max" or if there is no such file.
std::optional<std::uint64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

// The number after a key, in a file of lines "key number ...".
std::optional<std::uint64_t> number_of_key(const fs::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t number = 0;
    if (words >> name >> number && name == key) return number;
  }
  return std::nullopt;
}

// What one control group leaves: its limit less its use. Cached files count as use, but give way.
struct MemoryFiles {
  const char* limit;
  const char* usage;
  const char* cache_key;  // in memory.stat
};
constexpr MemoryFiles version_2{"memory.max", "memory.current", "inactive_file"};
constexpr MemoryFiles version_1{"memory.limit_in_bytes", "memory.usage_in_bytes",
                                "total_inactive_file"};

struct Left {
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> of_limit = {};
};

std::optional<Left> left_in_group(const fs::path& group, const MemoryFiles& files) {
  const auto limit = number_in(group / files.limit), usage = number_in(group / files.usage);
  if (!limit || !usage) return std::nullopt;
  const auto cache = number_of_key(group / "memory.stat", files.cache_key).value_or(0);
  const auto held = *usage - std::min(cache, *usage);
  return Left{*limit - std::min(held, *limit), limit};
}

void lower(Machine& machine, const std::optional<Left>& left, const std::string& source) {
  if (!left || (machine.memory_bytes && *machine.memory_bytes <= left->bytes)) return;
  machine.memory_bytes = left->bytes;
  machine.memory_limit = left->of_limit;
  machine.memory_source = source;
}

// A group is limited by all groups above it as well. In a container the path of /proc/self/cgroup
// may lie outside of what is mounted: then only the mounted root counts.
void lower_by_groups(Machine& machine, const fs::path& root, const std::string& group,
                     const MemoryFiles& files) {
  fs::path path = root / fs::path(group).relative_path();
  for (;; path = path.parent_path()) {
    lower(machine, left_in_group(path, files), path.string());
    if (path == root || path == path.root_path()) return;
  }
}

void lower_by_control_groups(Machine& machine, const fs::path& proc, const fs::path& root) {
  std::ifstream file(proc / "self/cgroup");
  for (std::string line; std::getline(file, line);) {  // "0::/user.slice", "4:memory:/docker/1a"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = fs::path(line.substr(second + 1)).lexically_normal().string();
    if (controllers.empty()) lower_by_groups(machine, root, group, version_2);
    if (controllers.find("memory") != std::string::npos) {
      lower_by_groups(machine, root / "memory", group, version_1);
    }
  }
}

std::optional<std::uint64_t> number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits = text;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// In megabytes. 0 of a node means all of its memory. Of a job on several nodes it is not known here
// how many ranks each will have.
void lower_by_slurm(Machine& machine) {
  if (number_in_environment("SLURM_JOB_NUM_NODES").value_or(1) > 1) return;
  const auto lower_by = [&](std::optional<std::uint64_t> megabytes, std::uint64_t times,
                            const char* source) {
    if (!megabytes || *megabytes == 0) return;
    const std::uint64_t bytes = (*megabytes << 20) * times;
    lower(machine, Left{bytes, bytes}, source);
  };
  lower_by(number_in_environment("SLURM_MEM_PER_NODE"), 1, "SLURM_MEM_PER_NODE");
  if (const auto cores = number_in_environment("SLURM_CPUS_ON_NODE"))
    lower_by(number_in_environment("SLURM_MEM_PER_CPU"), *cores,
             "SLURM_MEM_PER_CPU x SLURM_CPUS_ON_NODE");
}

std::optional<std::uint64_t> limit_of_process(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

std::optional<std::uint64_t> free_disk(const std::string& folder) {
  for (fs::path path = fs::absolute(folder);; path = path.parent_path()) {
    struct statvfs space {};
    if (::statvfs(path.c_str(), &space) == 0) {
      return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
    }
    if (path == path.root_path()) return std::nullopt;
  }
}

constexpr const char* way_out =
    "try a smaller model (--override num_hidden_layers=2), fewer steps, or a smaller trace tier";

}  // namespace

Machine measure_machine(const std::string& folder, const std::string& proc,
                        const std::string& cgroup) {
  Machine machine;
  const std::string meminfo = proc + "/meminfo";
  if (const auto kib = number_of_key(meminfo, "MemAvailable:")) {
    lower(machine, Left{*kib * 1024}, meminfo);
  }
  lower_by_control_groups(machine, proc, fs::path(cgroup).lexically_normal());
  lower_by_slurm(machine);
  machine.address_space_bytes = limit_of_process(RLIMIT_AS);
  machine.data_bytes = limit_of_process(RLIMIT_DATA);
  machine.disk_bytes = free_disk(folder);
  return machine;
}

namespace {

// `needed` is of the process that needs most: where that fits, all do.
void refuse_beyond(std::optional<std::uint64_t> limit, const std::vector<ProcessNeeds>& processes,
                   std::uint64_t ProcessNeeds::*needed, const std::string& what,
                   const std::string& ulimit) {
  const auto most = std::ranges::max_element(processes, {}, needed);
  if (!limit || most == processes.end() || (*most).*needed <= *limit) return;
  throw ScenarioError(most->who + " needs about " + readable_bytes((*most).*needed) + " of " +
                      what + ", and " + ulimit + " allows each process " + readable_bytes(*limit) +
                      ": raise it (" + ulimit + " unlimited), or " + way_out);
}

std::string limit_of(const Machine& machine) {
  if (!machine.memory_limit) return machine.memory_source;
  return machine.memory_source + ", a limit of " + readable_bytes(*machine.memory_limit);
}

}  // namespace

std::uint64_t memory_at_once(const Needs& needs, const SideBySide& limits) {
  std::vector<Load> executions;
  std::uint64_t judge = 0;
  for (const ProcessNeeds& kind : needs.processes)
    if (kind.key == judge_key)
      judge = kind.together_bytes;
    else
      executions.push_back({kind.together_bytes, kind.count});
  return std::max(most_at_once(executions, limits), judge);
}

double seconds_to_start(const Needs& needs) {
  constexpr double bytes_per_second = 1e8;
  return static_cast<double>(needs.memory_bytes) / bytes_per_second;
}

void refuse_if_too_much(const Needs& needs, const Machine& machine) {
  if (machine.memory_bytes && needs.memory_bytes > *machine.memory_bytes) {
    throw ScenarioError("the run needs " + readable_bytes(needs.memory_bytes) + " of memory, and " +
                        readable_bytes(*machine.memory_bytes) + " are available (" +
                        limit_of(machine) + "): " + way_out);
  }
  refuse_beyond(machine.address_space_bytes, needs.processes, &ProcessNeeds::address_space_bytes,
                "address space, libraries included", "ulimit -v");
  refuse_beyond(machine.data_bytes, needs.processes, &ProcessNeeds::data_bytes,
                "memory to write to", "ulimit -d");
  if (machine.disk_bytes && needs.disk_bytes > *machine.disk_bytes) {
    throw ScenarioError("the run writes " + readable_bytes(needs.disk_bytes) + ", and " +
                        needs.disk_folder + " has " + readable_bytes(*machine.disk_bytes) +
                        " left: " + way_out + ", or another --out");
  }
}

namespace {

const char* how_many(int executions) {
  return executions == 1 ? "one after another" : "two at a time";
}

std::string memory_of(const std::vector<ProcessNeeds>& processes) {
  std::string text;
  for (const ProcessNeeds& kind : processes) {
    text += (text.empty() ? "" : ", ") + kind.who + " " + readable_bytes(kind.memory_bytes);
    if (kind.together_bytes > kind.memory_bytes)
      text += " (all " + readable_bytes(kind.together_bytes) + ")";
  }
  return text;
}

// Nothing but the judge is required beside an engine.
std::string without_reference(const Needs& needs, std::uint64_t available) {
  Needs others = needs;
  if (std::erase_if(others.processes, [](const auto& kind) { return kind.key == "reference"; }) ==
          0 ||
      others.processes.size() < 2 || memory_at_once(others, {}) > available)
    return "";
  return "leave the reference out (--executions sim,real: op by op the verdict stands without it), "
         "or ";
}

}  // namespace

Fit fit(const Needs& needs, const Machine& machine, int cores) {
  const int all = std::max(1, std::min(cores, static_cast<int>(needs.processes.size()) - 1));
  Fit found{{all, cores}, "", 0};
  const std::uint64_t beside = memory_at_once(needs, found.limits);
  found.memory_bytes = beside;
  if (machine.memory_bytes) {
    while (found.limits.jobs > 1 && memory_at_once(needs, found.limits) > *machine.memory_bytes)
      --found.limits.jobs;
    found.memory_bytes = memory_at_once(needs, found.limits);
    if (found.memory_bytes > *machine.memory_bytes)
      throw ScenarioError(
          "the run needs " + readable_bytes(found.memory_bytes) +
          " of memory with its executions one after another (" + memory_of(needs.processes) +
          "), and " + readable_bytes(*machine.memory_bytes) + " are available (" +
          limit_of(machine) + "): " + without_reference(needs, *machine.memory_bytes) + way_out);
    if (found.limits.jobs < all)
      found.said = std::string("its executions run ") + how_many(found.limits.jobs) +
                   ": beside each other they need " + readable_bytes(beside) + " of memory, and " +
                   readable_bytes(*machine.memory_bytes) + " are available (" + limit_of(machine) +
                   ")";
  }
  Needs fitted = needs;
  fitted.memory_bytes = found.memory_bytes;
  refuse_if_too_much(fitted, machine);
  return found;
}

}  // namespace shardproof
