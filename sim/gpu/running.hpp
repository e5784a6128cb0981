#pragma once

#include <cstdint>
#include <string>

#include "sim/gpu/history.hpp"

namespace shardproof::sim::gpu {

/// What the simulated GPU does at this moment, for errors to name and for histories to enter. There
/// is one, as there is one thread of the host.
struct Running {
  const std::string* work = nullptr;   // "cudaMemcpyAsync"; null while the host's own code runs
  const std::string* label = nullptr;  // the op for which it was asked
  const void* kernel = nullptr;        // null unless the work is a kernel

  // Of a kernel.
  std::uint32_t launch = 0;       // counts from 1
  std::uint32_t block_run = 0;    // blocks since the start of the program, from 1
  std::uint32_t block = 0;        // in its grid
  std::uint32_t barriers = 0;     // that the block has passed
  std::uint16_t thread = 0;       // in its block, from 1; 0: none runs
  const History* last = nullptr;  // of the element that the thread touched last
  std::uint32_t repeats = 0;      // of its accesses to that one

  Toucher by_launch() const { return {launch, block, barriers, thread}; }
  Toucher by_block() const { return {block_run, block, barriers, thread}; }
};
extern Running running;

/// "thread 5", or "thread (1, 2, 0)" of a block that has more than one dimension; from 1.
std::string thread_text(std::uint16_t thread);
/// "block 5", or "block (1, 2, 0)".
std::string block_text(std::uint32_t block);

/// The op for which work is asked now: set_label, or the innermost range of a profiler.
const std::string& current_label();

/// Whether there was a finding, so that nothing is done any more.
bool is_lost();
void set_lost(bool now);

}  // namespace shardproof::sim::gpu
