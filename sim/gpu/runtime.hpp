#pragma once

// What steers the simulated GPU, and what its parts beside the runtime (products, collectives) are
// built from. The engine sees none of it: it includes <cuda_runtime.h> (sim/gpu/include).
//
// The simulated GPU belongs to one thread of the host: all of this is called by that thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace shardproof::sim::gpu {

struct StreamQueue;
using cudaStream_t = StreamQueue*;

/// When work runs that was asked for. A program that is right gives equal bits under all of them; a
/// missing wait gives other bits under some.
///
///   latest        nothing runs before something waits for it, and then only what that needs; what
///                 a stream awaits of another runs before the work of its own
///   earliest      at once
///   random:SEED   now or later, a seeded choice among what may run
///
/// The order of the threads of a block, and of the blocks of a launch, goes with it: ascending,
/// descending, or shuffled by the seed.
struct Schedule {
  enum class Kind { latest, earliest, random };
  Kind kind = Kind::latest;
  std::uint64_t seed = 0;
};
/// "latest", "earliest" or "random:7"; ScenarioError if it is none of them.
Schedule schedule_from(std::string_view text);
std::string to_string(const Schedule& schedule);

/// Holds for what is asked for from now on. Until it is called: what the environment variable
/// SHARDPROOF_GPU_SCHEDULE says, and else `latest`.
void set_schedule(const Schedule& schedule);
Schedule schedule();

/// The op for which work is asked from now on; errors of that work name it. "" for none.
void set_label(const char* label);

/// What all allocations together may take (1 GiB until it is called): cudaMalloc beyond gives
/// cudaErrorMemoryAllocation.
void set_memory_bytes(std::size_t bytes);

/// Puts everything back as it was at the start: work not done is dropped, memory is freed, a
/// finding is forgotten. For tests.
void reset();

// For simulated libraries: work of their own, in the order of a stream.

/// Asks `stream` for `work`: it runs on the host, when its turn comes. `what` names it in errors:
/// "cublasLtMatmul". What it throws comes out of the call that waited. It asks for no other work.
void enqueue(cudaStream_t stream, std::string what, std::function<void()> work);

/// The same for work that may have to wait for another process: `work` returns whether it is done,
/// and is called again later if it is not. It never blocks: while one stream's work is not done,
/// others' may have to be.
void enqueue_polled(cudaStream_t stream, std::string what, std::function<bool()> work);

/// Where the `bytes` bytes at the device's address lie for the host, to be read or written until
/// the work that asks ends: only enqueued work may ask. InvariantError if they do not lie in one
/// allocation that is alive, or, of those to be read, one was never written. Those to be written
/// count as written from here on.
const std::byte* checked_read(const void* device, std::size_t bytes);
std::byte* checked_write(void* device, std::size_t bytes);
/// Moves bits within the device; which of them were never written moves with them.
void checked_copy(void* to, const void* from, std::size_t bytes);
/// Whether an address is one of device memory, alive or freed.
bool is_device_memory(const void* address);

/// Tells a misuse: throws InvariantError that names the kernel, block and thread or the enqueued
/// work that runs now, its label, and `what`. The simulated GPU does nothing more until its streams
/// are destroyed and its memory is freed, or until reset().
[[noreturn]] void fail(const std::string& what);

}  // namespace shardproof::sim::gpu
