#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/gpu/history.hpp"

namespace shardproof::sim::gpu {

struct Allocation;

/// The allocation in which `bytes` bytes at a device's address lie; null for a null address. A
/// finding if they do not lie in one that is alive.
Allocation* allocation_of(const void* address, std::size_t bytes);

/// An element of a view of device memory: what a kernel is about to touch.
struct GlobalPlace {
  Allocation* allocation;  // null for a view of nothing
  const void* view;        // the device's address
  std::int64_t count;      // elements in the view
  std::int64_t index;
  std::size_t size;  // bytes of an element
  std::size_t alignment;
};

// Where the element lies for the host, once it is known that the running thread may touch it so: it
// lies in the view and in an allocation that is alive, was written if it is read, and no other
// thread of the launch touches it without a barrier between. A finding if it may not.
const void* to_read(const GlobalPlace& place);
void* to_write(const GlobalPlace& place);
void* to_update(const GlobalPlace& place);  // atomically: read and written in one

/// An element of an array that a block shares.
struct SharedPlace {
  History* histories;  // of each element
  std::byte* data;
  std::int64_t count;
  std::int64_t index;
  std::size_t size;
};
const void* to_read(const SharedPlace& place);
void* to_write(const SharedPlace& place);
void* to_update(const SharedPlace& place);

}  // namespace shardproof::sim::gpu
