#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "sim/gpu/block.hpp"
#include "sim/gpu/fault.hpp"
#include "sim/gpu/memory.hpp"
#include "sim/gpu/running.hpp"
#include "sim/gpu/runtime.hpp"
#include "sim/gpu/streams.hpp"

namespace shardproof::sim::gpu {
namespace {

cudaError_t last_error = cudaSuccess;

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

/// What a call does, unless there was a finding: then the device is lost, as a real one is after an
/// error of a kernel.
template <class Call>
cudaError_t answer(Call call) {
  return remember(is_lost() ? cudaErrorLaunchFailure : call());
}

/// What a call waits for. While a stack is unwound nobody waits: the error that is under way is
/// told, and what was asked for is dropped.
template <class Wait>
cudaError_t answer_after(Wait wait) {
  return answer([&] {
    if (std::uncaught_exceptions() > 0) {
      drop_tasks();
      set_lost(true);
      return cudaErrorLaunchFailure;
    }
    wait();
    return cudaSuccess;
  });
}

/// A finding is forgotten with the last thing that it may have spoilt.
void recover() {
  if (is_lost() && !has_streams() && nothing_allocated()) set_lost(false);
}

struct ErrorText {
  cudaError_t error;
  const char* name;
  const char* text;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure",
     "unspecified launch failure: the simulated GPU stopped at what it found before"},
};

const ErrorText* text_of(cudaError_t error) {
  const auto* const found = std::ranges::find(kErrors, error, &ErrorText::error);
  return found == std::end(kErrors) ? nullptr : found;
}

}  // namespace

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorText* const found = text_of(error);
  return found == nullptr ? "unrecognized error code" : found->name;
}
const char* cudaGetErrorString(cudaError_t error) {
  const ErrorText* const found = text_of(error);
  return found == nullptr ? "unrecognized error code" : found->text;
}
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

// ---- The device

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return remember(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return remember(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "simulated GPU");
  properties->totalGlobalMem = total_bytes();
  properties->sharedMemPerBlock = 48 << 10;
  properties->warpSize = warpSize;
  properties->maxThreadsPerBlock = 1024;
  properties->multiProcessorCount = 1;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = total_bytes();
  *free = total_bytes() - allocated_bytes();
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() { return answer_after(wait_for_all); }

// ---- Memory

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  *address = nullptr;
  watch_faults();
  return answer([&] {
    if (bytes == 0) return cudaSuccess;
    const Allocation* const made = allocate(bytes);
    if (made == nullptr) return cudaErrorMemoryAllocation;
    *address = made->device;
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void* address) {
  if (address == nullptr) return remember(cudaSuccess);
  const cudaError_t waited = answer_after(wait_for_all);
  Allocation* const found = find(address);
  if (found == nullptr || found->device != address)
    fail("cudaFree of what cudaMalloc did not give");
  if (!found->alive) fail("cudaFree again of " + describe(*found));
  release(*found);
  recover();
  return waited;
}

cudaError_t cudaMallocHost(void** address, std::size_t bytes) {
  *address = allocate_pinned(bytes);
  return remember(cudaSuccess);
}

cudaError_t cudaFreeHost(void* address) {
  if (address == nullptr) return remember(cudaSuccess);
  const cudaError_t waited = answer_after(wait_for_all);
  if (!release_pinned(address)) fail("cudaFreeHost of what cudaMallocHost did not give");
  return waited;
}

// ---- Copies

namespace {

struct Rows {
  void* to;
  std::size_t to_pitch;
  const void* from;
  std::size_t from_pitch;
  std::size_t width;
  std::size_t count;

  std::byte* target(std::size_t row) const { return static_cast<std::byte*>(to) + row * to_pitch; }
  const std::byte* source(std::size_t row) const {
    return static_cast<const std::byte*>(from) + row * from_pitch;
  }
  std::size_t target_span() const { return (count - 1) * to_pitch + width; }
  std::size_t source_span() const { return (count - 1) * from_pitch + width; }
};

void write_rows(const Rows& rows) {
  for (std::size_t row = 0; row < rows.count; ++row)
    std::memcpy(checked_write(rows.target(row), rows.width), rows.source(row), rows.width);
}
void read_rows(const Rows& rows) {
  for (std::size_t row = 0; row < rows.count; ++row)
    std::memcpy(rows.target(row), checked_read(rows.source(row), rows.width), rows.width);
}
void copy_rows(const Rows& rows) {
  for (std::size_t row = 0; row < rows.count; ++row)
    checked_copy(rows.target(row), rows.source(row), rows.width);
}

void expect_host(const void* address, std::size_t bytes, const char* call) {
  if (is_device_memory(address))
    fail(std::string(call) + ": " + std::to_string(bytes) +
         " bytes that are said to be the host's are the device's");
}

void copy_from_host(StreamQueue& stream, const char* call, const Rows& rows) {
  expect_host(rows.from, rows.source_span(), call);
  if (is_pinned(rows.from, rows.source_span())) {
    enqueue(&stream, call, [rows] { write_rows(rows); });
    return;
  }
  std::vector<std::byte> taken(static_cast<const std::byte*>(rows.from),
                               static_cast<const std::byte*>(rows.from) + rows.source_span());
  enqueue(&stream, call, [rows, bytes = std::move(taken)] {
    Rows copy = rows;
    copy.from = bytes.data();
    write_rows(copy);
  });
}

void copy_to_host(StreamQueue& stream, const char* call, const Rows& rows) {
  expect_host(rows.to, rows.target_span(), call);
  enqueue(&stream, call, [rows] { read_rows(rows); });
  if (!is_pinned(rows.to, rows.target_span())) wait_for(stream);
}

cudaMemcpyKind kind_of(const Rows& rows, cudaMemcpyKind kind) {
  if (kind != cudaMemcpyDefault) return kind;
  const bool from_device = is_device_memory(rows.from);
  if (is_device_memory(rows.to))
    return from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice;
  return from_device ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

cudaError_t copy(cudaStream_t handle, const char* call, const Rows& rows, cudaMemcpyKind kind) {
  return answer([&] {
    StreamQueue* const stream = find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (rows.width == 0 || rows.count == 0) return cudaSuccess;
    if (rows.width > rows.to_pitch || rows.width > rows.from_pitch) return cudaErrorInvalidValue;
    switch (kind_of(rows, kind)) {
      case cudaMemcpyHostToDevice: copy_from_host(*stream, call, rows); return cudaSuccess;
      case cudaMemcpyDeviceToHost: copy_to_host(*stream, call, rows); return cudaSuccess;
      case cudaMemcpyDeviceToDevice:
        enqueue(stream, call, [rows] { copy_rows(rows); });
        return cudaSuccess;
      default: return cudaErrorInvalidValue;
    }
  });
}

}  // namespace

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy(stream, "cudaMemcpyAsync", {to, bytes, from, bytes, bytes, 1}, kind);
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t rows,
                              cudaMemcpyKind kind, cudaStream_t stream) {
  return copy(stream, "cudaMemcpy2DAsync", {to, to_pitch, from, from_pitch, width, rows}, kind);
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t asked = copy(nullptr, "cudaMemcpy", {to, bytes, from, bytes, bytes, 1}, kind);
  return asked == cudaSuccess ? cudaStreamSynchronize(nullptr) : asked;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return answer([&] {
    StreamQueue* const queue = find_stream(stream);
    if (queue == nullptr) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    enqueue(queue, "cudaMemsetAsync", [=] { std::memset(checked_write(to, bytes), value, bytes); });
    return cudaSuccess;
  });
}

// ---- Streams and events

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return answer([&] {
    if (flags != cudaStreamNonBlocking)
      fail("cudaStreamCreateWithFlags: the simulator knows non-blocking streams only");
    *stream = make_stream();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  StreamQueue* const queue = find_stream(stream);
  if (stream == nullptr || queue == nullptr) return remember(cudaErrorInvalidResourceHandle);
  const cudaError_t waited = answer_after([&] { wait_for(*queue); });
  queue->alive = false;
  recover();
  return waited;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  StreamQueue* const queue = find_stream(stream);
  if (queue == nullptr) return remember(cudaErrorInvalidResourceHandle);
  return answer_after([&] { wait_for(*queue); });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return answer([&] {
    StreamQueue* const queue = find_stream(stream);
    const EventState* const found = find_event(event);
    if (queue == nullptr || found == nullptr) return cudaErrorInvalidResourceHandle;
    if (flags != 0) return cudaErrorInvalidValue;
    if (found->recorded) ask(*queue, {.what = "cudaStreamWaitEvent", .awaited = found->recorded});
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return answer([&] {
    if ((flags & cudaEventDisableTiming) == 0)
      fail("cudaEventCreateWithFlags: the simulator knows events without timing only");
    *event = make_event();
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  EventState* const found = find_event(event);
  if (found == nullptr) return remember(cudaErrorInvalidResourceHandle);
  found->alive = false;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return answer([&] {
    StreamQueue* const queue = find_stream(stream);
    EventState* const found = find_event(event);
    if (queue == nullptr || found == nullptr) return cudaErrorInvalidResourceHandle;
    found->recorded = std::make_shared<Marker>();
    found->recorded->stream = queue;
    ask(*queue, {.what = "cudaEventRecord", .marked = found->recorded});
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const EventState* const found = find_event(event);
  if (found == nullptr) return remember(cudaErrorInvalidResourceHandle);
  return answer_after([&] {
    if (found->recorded) wait_for(found->recorded);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const EventState* const found = find_event(event);
  if (found == nullptr) return remember(cudaErrorInvalidResourceHandle);
  if (is_lost()) return remember(cudaErrorLaunchFailure);
  return !found->recorded || poll(*found->recorded) ? cudaSuccess : cudaErrorNotReady;
}

// ---- Work

cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel,
                   std::function<void()> thread) {
  return answer([&] {
    StreamQueue* const stream = find_stream(config.stream);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (config.dynamicSmemBytes != 0 || config.numAttrs != 0)
      fail("cudaLaunchKernelEx: the simulator knows no dynamic shared memory and no attributes");
    const dim3& grid = config.gridDim;
    const dim3& block = config.blockDim;
    const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
    const bool blocks = grid.x != 0 && grid.y != 0 && grid.z != 0 && grid.x < 1U << 31 &&
                        grid.y < 1U << 16 && grid.z < 1U << 16;
    if (!blocks || threads == 0 || threads > 1024 || block.z > 64)
      return cudaErrorInvalidConfiguration;
    const Launch asked{kernel, grid, block, std::move(thread)};
    enqueue(stream, "kernel", [asked] { run_kernel(asked); });
    return cudaSuccess;
  });
}

void enqueue(cudaStream_t stream, std::string what, std::function<void()> work) {
  enqueue_polled(stream, std::move(what), [work = std::move(work)] {
    work();
    return true;
  });
}

void enqueue_polled(cudaStream_t stream, std::string what, std::function<bool()> work) {
  StreamQueue* const queue = find_stream(stream);
  if (queue == nullptr) fail(what + ": this is no stream, or none any more");
  ask(*queue, {.what = std::move(what), .work = std::move(work)});
}

void reset() {
  destroy_all_streams();
  release_all();
  set_lost(false);
  last_error = cudaSuccess;
  set_schedule({});
  set_label("");
  set_memory_bytes(std::size_t{1} << 30);
}

}  // namespace shardproof::sim::gpu
