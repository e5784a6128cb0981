#include "sim/gpu/memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>

#include "scenarios/errors.hpp"
#include "sim/gpu/access.hpp"
#include "sim/gpu/running.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kAlignment = 256;  // what CUDA promises, and no more

struct Memory {
  std::map<const std::byte*, std::unique_ptr<Allocation>>
      allocations;  // by the end of the red zone
  std::map<const std::byte*, std::pair<std::unique_ptr<std::byte[]>, std::size_t>> pinned;
  std::size_t total = std::size_t{1} << 30;
  std::size_t used = 0;
  int made = 0;
  int alive = 0;
};
Memory& memory() {
  static Memory now;
  return now;
}

/// Fresh pages, which are zero and take nothing before they are touched.
void* map_pages(std::size_t bytes, int protection) {
  void* const place =
      mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED)
    throw EnvironmentError("the simulated GPU finds no room for " + std::to_string(bytes) +
                           " bytes: mmap: " + std::strerror(errno));
  return place;
}
template <class T>
T* map_array(std::size_t count) {
  return static_cast<T*>(
      map_pages(std::max(count, std::size_t{1}) * sizeof(T), PROT_READ | PROT_WRITE));
}
template <class T>
void unmap_array(T*& place, std::size_t count) {
  munmap(place, std::max(count, std::size_t{1}) * sizeof(T));
  place = nullptr;
}

std::size_t history_count(const Allocation& allocation) { return 8 * (allocation.bytes / 8 + 1); }

std::string address_text(const void* address) {
  std::ostringstream text;
  text << address;
  return text.str();
}

/// "byte 4100 of", "4 bytes before": where an address lies, for an error.
std::string relative_to(const Allocation& allocation, const void* address) {
  const auto* place = static_cast<const std::byte*>(address);
  if (place < allocation.device)
    return std::to_string(allocation.device - place) + " bytes before ";
  return "byte " + std::to_string(place - allocation.device) + " of ";
}

}  // namespace

std::string describe(const Allocation& allocation) {
  return "allocation " + std::to_string(allocation.number) + " (" +
         std::to_string(allocation.bytes) + " bytes at " + address_text(allocation.device) +
         (allocation.label.empty() ? "" : ", of " + allocation.label) + ")";
}

// A red zone is a page at least, and between two allocations there are two.
Allocation* allocate(std::size_t bytes) {
  Memory& all = memory();
  if (bytes > all.total - all.used) return nullptr;
  const std::size_t span = (kPage + kAlignment + bytes + kPage - 1) / kPage * kPage + kPage;
  auto* const first = static_cast<std::byte*>(map_pages(span, PROT_NONE));
  auto made = std::make_unique<Allocation>();
  made->number = ++all.made;
  made->device = first + kPage + kAlignment;
  made->bytes = bytes;
  made->label = current_label();
  made->data = map_array<std::byte>(bytes);
  made->written = map_array<std::uint8_t>(bytes);
  made->histories = map_array<History>(history_count(*made));
  all.used += bytes;
  ++all.alive;
  return (all.allocations[first + span] = std::move(made)).get();
}

void release(Allocation& allocation) {
  allocation.alive = false;
  unmap_array(allocation.data, allocation.bytes);
  unmap_array(allocation.written, allocation.bytes);
  unmap_array(allocation.histories, history_count(allocation));
  memory().used -= allocation.bytes;
  --memory().alive;
}

Allocation* find(const void* address) {
  const auto* place = static_cast<const std::byte*>(address);
  const auto found = memory().allocations.upper_bound(place);
  if (found == memory().allocations.end()) return nullptr;
  Allocation& allocation = *found->second;
  return place < allocation.device - kPage - kAlignment ? nullptr : &allocation;
}

Allocation& expect_range(const void* address, std::size_t bytes) {
  Allocation* const found = find(address);
  if (found == nullptr)
    fail(std::to_string(bytes) + " bytes at " + address_text(address) + ": no device memory");
  const std::string place = relative_to(*found, address) + describe(*found);
  if (!found->alive) fail(place + ", which was freed");
  const bool before = static_cast<const std::byte*>(address) < found->device;
  if (before || found->offset_of(address) + bytes > found->bytes)
    fail(std::to_string(bytes) + " bytes from " + place + ": outside");
  return *found;
}

Allocation* allocation_of(const void* address, std::size_t bytes) {
  if (address == nullptr) return nullptr;
  return bytes == 0 ? find(address) : &expect_range(address, bytes);
}

const std::byte* checked_read(const void* device, std::size_t bytes) {
  if (running.work == nullptr) fail("the host reads device memory, which only enqueued work may");
  if (bytes == 0) return nullptr;
  const Allocation& allocation = expect_range(device, bytes);
  const std::size_t offset = allocation.offset_of(device);
  const void* missing = std::memchr(allocation.written + offset, 0, bytes);
  if (missing != nullptr) {
    const auto at = static_cast<const std::uint8_t*>(missing) - allocation.written;
    fail("reads byte " + std::to_string(at) + " of " + describe(allocation) +
         ", which was never written");
  }
  return allocation.data + offset;
}

std::byte* checked_write(void* device, std::size_t bytes) {
  if (running.work == nullptr) fail("the host writes device memory, which only enqueued work may");
  if (bytes == 0) return nullptr;
  const Allocation& allocation = expect_range(device, bytes);
  const std::size_t offset = allocation.offset_of(device);
  std::memset(allocation.written + offset, 1, bytes);
  return allocation.data + offset;
}

void checked_copy(void* to, const void* from, std::size_t bytes) {
  if (running.work == nullptr) fail("the host copies device memory, which only enqueued work may");
  if (bytes == 0 || to == from) return;
  const auto* const a = static_cast<const std::byte*>(from);
  const auto* const b = static_cast<const std::byte*>(to);
  if (a < b + bytes && b < a + bytes)
    fail("copies " + std::to_string(bytes) + " bytes onto themselves, " + std::to_string(b - a) +
         " bytes further");
  const Allocation& source = expect_range(from, bytes);
  const Allocation& target = expect_range(to, bytes);
  const std::size_t first = source.offset_of(from);
  const std::size_t place = target.offset_of(to);
  std::memcpy(target.data + place, source.data + first, bytes);
  std::memcpy(target.written + place, source.written + first, bytes);
}

bool is_device_memory(const void* address) { return find(address) != nullptr; }

void set_memory_bytes(std::size_t bytes) { memory().total = std::max(bytes, memory().used); }
std::size_t total_bytes() { return memory().total; }
std::size_t allocated_bytes() { return memory().used; }
bool nothing_allocated() { return memory().alive == 0; }

void release_all() {
  for (const auto& [end, allocation] : memory().allocations)
    if (allocation->alive) release(*allocation);
  memory().pinned.clear();
  memory().made = 0;
}

void* allocate_pinned(std::size_t bytes) {
  auto block = std::make_unique_for_overwrite<std::byte[]>(bytes);
  std::byte* const place = block.get();
  std::memset(place, 0xff, bytes);
  memory().pinned[place] = {std::move(block), bytes};
  return place;
}

bool release_pinned(void* address) {
  return memory().pinned.erase(static_cast<std::byte*>(address)) != 0;
}

bool is_pinned(const void* address, std::size_t bytes) {
  const auto* place = static_cast<const std::byte*>(address);
  auto after = memory().pinned.upper_bound(place);
  if (after == memory().pinned.begin()) return false;
  const auto& [first, block] = *--after;
  return place + bytes <= first + block.second;
}

}  // namespace shardproof::sim::gpu
