#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace shardproof {

/// What a run will need, at its highest; the numbers come from the plan.
struct Needs {
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::string disk_folder;  // where the results go; it, or a folder above it, exists
};

/// What the machine can give now.
struct Machine {
  std::optional<std::uint64_t> memory_bytes;  // nothing: could not be found out
  std::string memory_source;  // "/proc/meminfo", or the control group that limits it
  std::optional<std::uint64_t> disk_bytes;
};

/// The smaller of MemAvailable and of what the control groups (v1 and v2) leave to this process,
/// and the space for results in `folder`. The roots are for tests.
Machine measure_machine(const std::string& folder, const std::string& proc = "/proc",
                        const std::string& cgroup = "/sys/fs/cgroup");

/// Throws ScenarioError with the numbers and a way out if `needs` exceed what the machine has.
void refuse_if_too_much(const Needs& needs, const Machine& machine);

/// "1.5 GiB", "512 bytes".
std::string readable_bytes(std::uint64_t bytes);

}  // namespace shardproof
