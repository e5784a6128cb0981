#include "sim/gpu/access.hpp"

#include <cstring>
#include <string>

#include "sim/gpu/memory.hpp"
#include "sim/gpu/running.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {
namespace {

// A thread that touches one element so often, and nothing between, waits for something that never
// comes: no other thread runs.
constexpr std::uint32_t kMostRepeats = 1U << 20;

const char* verb(Access access) {
  switch (access) {
    case Access::read: return "reads ";
    case Access::write: return "writes ";
    case Access::update: break;
  }
  return "atomically updates ";
}
const char* participle(Access access) {
  switch (access) {
    case Access::read: return " has read";
    case Access::write: return " has written";
    case Access::update: break;
  }
  return " has atomically updated";
}

std::string element_of(std::int64_t index, std::int64_t count, std::size_t size) {
  return "element " + std::to_string(index) + " of " + std::to_string(count) + ", each of " +
         std::to_string(size) + " bytes, ";
}

/// "element 5 of 5, each of 4 bytes, from byte 16 of allocation 1 (...)".
std::string text_of(const GlobalPlace& place) {
  if (place.allocation == nullptr) return "a view of nothing";
  return element_of(place.index, place.count, place.size) + "from byte " +
         std::to_string(place.allocation->offset_of(place.view)) + " of " +
         describe(*place.allocation);
}
std::string text_of(const SharedPlace& place) {
  return element_of(place.index, place.count, place.size) + "in the block's shared memory";
}

void expect_thread(Access access, const char* what) {
  if (running.thread == 0) fail(std::string("host code ") + verb(access) + what);
}

/// Enters the access in the element's history.
template <class Place>
void expect_no_race(History& history, const Toucher& by, Access access, const Place& place) {
  running.repeats = &history == running.last ? running.repeats + 1 : 0;
  running.last = &history;
  if (running.repeats > kMostRepeats)
    fail(verb(access) + text_of(place) +
         ", again and again: it waits for what another thread does");
  const Conflict other = touch(history, by, access);
  if (other.thread == 0) return;
  const bool same_block = other.block == running.block;
  fail(verb(access) + text_of(place) + ", which " +
       (same_block ? "" : block_text(other.block) + ", ") + thread_text(other.thread) +
       participle(other.access) +
       (same_block ? " since the last barrier: a race" : " in the same launch: a race"));
}

/// Bounds, life, alignment and races; then where it is in its allocation.
std::size_t enter(const GlobalPlace& place, Access access) {
  expect_thread(access, "device memory");
  if (place.allocation == nullptr || place.index < 0 || place.index >= place.count)
    fail(verb(access) + text_of(place) + (place.allocation == nullptr ? "" : ": outside"));
  const Allocation& allocation = *place.allocation;
  if (!allocation.alive) fail(verb(access) + text_of(place) + ", which was freed");
  const std::size_t offset =
      allocation.offset_of(place.view) + static_cast<std::size_t>(place.index) * place.size;
  if (offset % place.alignment != 0) fail(verb(access) + text_of(place) + ": misaligned");
  expect_no_race(allocation.history(offset), running.by_launch(), access, place);
  return offset;
}

void expect_written(const GlobalPlace& place, std::size_t offset) {
  if (std::memchr(place.allocation->written + offset, 0, place.size) != nullptr)
    fail("reads " + text_of(place) + ", which was never written");
}

std::byte* enter(const SharedPlace& place, Access access) {
  expect_thread(access, "a block's shared memory");
  if (place.index < 0 || place.index >= place.count)
    fail(verb(access) + text_of(place) + ": outside");
  History& history = place.histories[place.index];
  if (access != Access::write && !is_written(history, running.block_run))
    fail(verb(access) + text_of(place) + ", which no thread of the block has written");
  expect_no_race(history, running.by_block(), access, place);
  return place.data + static_cast<std::size_t>(place.index) * place.size;
}

}  // namespace

const void* to_read(const GlobalPlace& place) {
  const std::size_t offset = enter(place, Access::read);
  expect_written(place, offset);
  return place.allocation->data + offset;
}

void* to_write(const GlobalPlace& place) {
  const std::size_t offset = enter(place, Access::write);
  std::memset(place.allocation->written + offset, 1, place.size);
  return place.allocation->data + offset;
}

void* to_update(const GlobalPlace& place) {
  const std::size_t offset = enter(place, Access::update);
  expect_written(place, offset);
  return place.allocation->data + offset;
}

const void* to_read(const SharedPlace& place) { return enter(place, Access::read); }
void* to_write(const SharedPlace& place) { return enter(place, Access::write); }
void* to_update(const SharedPlace& place) { return enter(place, Access::update); }

}  // namespace shardproof::sim::gpu
