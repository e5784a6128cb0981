#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sim/gpu/history.hpp"

namespace shardproof::sim::gpu {

/// A piece of device memory. It has an address for the engine, where nothing can be read or written
/// and which is never given again; its bytes lie elsewhere, for the simulator alone.
///
///     red zone | the device's address: no access, bytes long | red zone
///
/// What was freed stays known, so that whoever touches it is told what it was.
struct Allocation {
  int number = 0;  // from 1
  std::byte* device = nullptr;
  std::size_t bytes = 0;
  bool alive = true;
  std::string label;  // the op for which it was made

  // Until it is freed; one entry a byte, and zero at first.
  std::byte* data = nullptr;
  std::uint8_t* written = nullptr;
  History* histories = nullptr;

  std::size_t offset_of(const void* address) const {
    return static_cast<std::size_t>(static_cast<const std::byte*>(address) - device);
  }
  /// Of the element that begins there. Elements of one type lie together: their pages alone are
  /// used.
  History& history(std::size_t offset) const {
    return histories[offset % 8 * (bytes / 8 + 1) + offset / 8];
  }
};

/// "allocation 3 (4096 bytes at 0x7f0000000100, of model/embedding)".
std::string describe(const Allocation& allocation);

/// Null if the device has too little left.
Allocation* allocate(std::size_t bytes);
/// The bytes are gone: what may be used afterwards is nobody's.
void release(Allocation& allocation);
/// The allocation in which, or in whose red zones, an address lies; null: it is none of the device.
Allocation* find(const void* address);
/// The same, if [address, address + bytes) lies in it and it is alive; a finding, if not.
Allocation& expect_range(const void* address, std::size_t bytes);

std::size_t total_bytes();
std::size_t allocated_bytes();
bool nothing_allocated();
void release_all();

/// Memory of the host that copies read and write when they run. Its first bytes are NaN.
void* allocate_pinned(std::size_t bytes);
/// Whether it was there.
bool release_pinned(void* address);
bool is_pinned(const void* address, std::size_t bytes);

}  // namespace shardproof::sim::gpu
