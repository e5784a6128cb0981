#pragma once

#include <array>
#include <cstdint>

namespace shardproof::sim::gpu {

enum class Access { read, write, update };  // update: an atomic one

/// Who touched an element last, since the start of a launch (device memory) or of a block (shared
/// memory): enough to find two threads of which one writes, without a barrier between. Threads of
/// one block are ordered by the barriers that they passed, threads of two blocks by nothing.
///
/// Two readers are enough. A write races with a reader of the same block only if that one has read
/// since the last barrier, so it is among the last two different ones, or is the writer itself; and
/// blocks run one after another, so of the earlier blocks' readers one stands for all.
struct History {
  std::uint32_t run = 0;  // the launch or block of which this is told; of another one nothing is
  std::uint32_t block = 0;
  std::uint32_t written_after = 0;  // so many barriers
  std::array<std::uint32_t, 2> read_after{};
  std::uint32_t earlier_block = 0;
  // Threads count from 1; 0 is none.
  std::uint16_t writer = 0;
  std::array<std::uint16_t, 2> readers{};
  std::uint16_t earlier_reader = 0;
};

/// The thread that runs, as histories know it.
struct Toucher {
  std::uint32_t run = 0;
  std::uint32_t block = 0;
  std::uint32_t barriers = 0;
  std::uint16_t thread = 0;  // from 1
};

/// Another thread with which an access races.
struct Conflict {
  std::uint32_t block = 0;
  std::uint16_t thread = 0;  // from 1; 0: there is no conflict
  Access access = Access::read;
};

/// Enters an access, and gives the one before with which it races.
Conflict touch(History& history, const Toucher& by, Access access);

/// Whether a thread wrote the element in this run.
inline bool is_written(const History& history, std::uint32_t run) {
  return history.run == run && history.writer != 0;
}

}  // namespace shardproof::sim::gpu
