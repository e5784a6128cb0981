#include "scenarios/processors.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

namespace shardproof {

namespace {

int bound_to() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}

// "max 100000" or "150000 100000": microseconds of each period.
int allowed_by_group() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return 1 << 20;
  return static_cast<int>(std::ceil(quota / period));
}

}  // namespace

int usable_processors() { return std::max(1, std::min(bound_to(), allowed_by_group())); }

}  // namespace shardproof
