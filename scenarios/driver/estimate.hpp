#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/driver/side_by_side.hpp"

namespace shardproof {

/// What the processes of one kind need. `ulimit -v` and `ulimit -d` count each for itself, and what
/// is mapped, not what is used.
struct ProcessNeeds {
  std::string who;                        // "the judge"
  std::uint64_t address_space_bytes = 0;  // all that is mapped, the program's libraries too
  std::uint64_t data_bytes = 0;           // of it, what the process can write to and shares not
  std::string key = {};                   // in summary.json: "reference", "sim", "real_rank", ...
  std::uint64_t memory_bytes = 0;         // used, by the largest of them; no mapped files
  std::uint64_t together_bytes = 0;       // used, by all of them
  int count = 1;                          // of them, each on a processor of its own
};
inline constexpr const char* judge_key = "judge";

/// What a run will need, at its highest; the numbers come from the plan.
struct Needs {
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::string disk_folder;  // where the results go; it, or a folder above it, exists
  std::vector<ProcessNeeds> processes = {};
};

/// The most that is used at a time; the judge comes behind the executions.
std::uint64_t memory_at_once(const Needs& needs, const SideBySide& limits);

/// How long its processes may well need to start: to read and fill that memory, at 100 MB a second.
double seconds_to_start(const Needs& needs);

/// What the machine can give now.
struct Machine {
  std::optional<std::uint64_t> memory_bytes;  // nothing: could not be found out
  std::string memory_source;  // "/proc/meminfo", or what limits it: a control group, Slurm
  std::optional<std::uint64_t> disk_bytes;
  std::optional<std::uint64_t> memory_limit = {};  // of which memory_bytes are left
  std::optional<std::uint64_t> address_space_bytes = {}, data_bytes = {};  // of each process
};

/// The smallest of MemAvailable, of what the control groups (v1 and v2) leave to this process, and
/// of what Slurm gives to the job on this node; the limits of a process; and the space for results
/// in `folder`. The roots are for tests.
Machine measure_machine(const std::string& folder, const std::string& proc = "/proc",
                        const std::string& cgroup = "/sys/fs/cgroup");

/// Throws ScenarioError with the numbers and a way out if `needs` exceed what the machine has.
void refuse_if_too_much(const Needs& needs, const Machine& machine);

/// How the executions of a run fit into what the machine has.
struct Fit {
  SideBySide limits;
  std::string said = {};           // of those that do not fit beside each other; "": all do
  std::uint64_t memory_bytes = 0;  // that then is the most
};
/// As many at a time as the cores and the memory allow. Throws as refuse_if_too_much does, if one
/// alone is too much.
Fit fit(const Needs& needs, const Machine& machine, int cores);

}  // namespace shardproof
