#include "sim/gpu/history.hpp"

namespace shardproof::sim::gpu {
namespace {

constexpr std::uint16_t kUpdate = 0x8000;  // beside a writer's number: it wrote atomically

std::uint16_t thread_of(std::uint16_t writer) {
  return static_cast<std::uint16_t>(writer & ~kUpdate);
}

Conflict with_writer(const History& history, Access access) {
  const bool atomic = (history.writer & kUpdate) != 0;
  if (history.writer == 0 || (atomic && access == Access::update)) return {};
  return {history.block, thread_of(history.writer), atomic ? Access::update : Access::write};
}

/// Forgets what was told of an earlier run or block, but for one reader of an earlier block.
Conflict begin_block(History& history, const Toucher& by, Access access) {
  Conflict conflict;
  if (history.run != by.run) {
    history.earlier_reader = 0;
  } else {
    conflict = with_writer(history, access);
    if (history.readers[0] != 0) {
      history.earlier_block = history.block;
      history.earlier_reader = history.readers[0];
    }
  }
  history.run = by.run;
  history.block = by.block;
  history.writer = 0;
  history.readers = {};
  return conflict;
}

Conflict enter_read(History& history, const Toucher& by) {
  Conflict conflict;
  if (thread_of(history.writer) != by.thread && history.written_after == by.barriers)
    conflict = with_writer(history, Access::read);
  if (history.readers[0] != by.thread) {
    history.readers[1] = history.readers[0];
    history.read_after[1] = history.read_after[0];
    history.readers[0] = by.thread;
  }
  history.read_after[0] = by.barriers;
  return conflict;
}

Conflict enter_write(History& history, const Toucher& by, Access access) {
  Conflict conflict;
  if (history.earlier_reader != 0)
    conflict = {history.earlier_block, history.earlier_reader, Access::read};
  for (const std::size_t i : {0U, 1U}) {
    const std::uint16_t reader = history.readers[i];
    if (reader != 0 && reader != by.thread && history.read_after[i] == by.barriers)
      conflict = {history.block, reader, Access::read};
  }
  if (thread_of(history.writer) != by.thread && history.written_after == by.barriers) {
    const Conflict writer = with_writer(history, access);
    if (writer.thread != 0) conflict = writer;
  }
  history.writer = access == Access::update ? by.thread | kUpdate : by.thread;
  history.written_after = by.barriers;
  return conflict;
}

}  // namespace

Conflict touch(History& history, const Toucher& by, Access access) {
  if (history.run != by.run || history.block != by.block) {
    const Conflict earlier = begin_block(history, by, access);
    if (earlier.thread != 0) return earlier;
  }
  return access == Access::read ? enter_read(history, by) : enter_write(history, by, access);
}

}  // namespace shardproof::sim::gpu
