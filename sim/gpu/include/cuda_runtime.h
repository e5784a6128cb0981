#pragma once

// The part of the CUDA runtime that the engine uses, for the host's compiler: the simulated GPU.
// Names and meanings are those of the CUDA Runtime API (docs.nvidia.com/cuda/cuda-runtime-api, 13.0);
// what is not here the simulator does not know. The functions live in a namespace of their own, so
// that a program may hold the toolkit's beside them.
//
// A misuse that CUDA leaves undefined is an InvariantError, thrown by the call that ran the work.

#include <math.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(...)

namespace shardproof::sim::gpu {

enum cudaError {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
};
using cudaError_t = cudaError;

enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4,
};

constexpr unsigned cudaStreamNonBlocking = 1;
constexpr unsigned cudaEventDefault = 0;
constexpr unsigned cudaEventBlockingSync = 1;
constexpr unsigned cudaEventDisableTiming = 2;

struct StreamQueue;
struct EventState;
using cudaStream_t = StreamQueue*;
using cudaEvent_t = EventState*;

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  std::size_t sharedMemPerBlock;
  int warpSize;
  int maxThreadsPerBlock;
  int multiProcessorCount;
  int major, minor;
  int pciDomainID, pciBusID, pciDeviceID;
};

struct cudaLaunchAttribute {};
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
};

const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();

cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaDeviceSynchronize();

cudaError_t cudaMalloc(void** address, std::size_t bytes);
cudaError_t cudaFree(void* address);
cudaError_t cudaMallocHost(void** address, std::size_t bytes);
cudaError_t cudaFreeHost(void* address);
template <class T>
cudaError_t cudaMalloc(T** address, std::size_t bytes) {
  void* place = nullptr;
  const cudaError_t answer = cudaMalloc(&place, bytes);
  *address = static_cast<T*>(place);
  return answer;
}
template <class T>
cudaError_t cudaMallocHost(T** address, std::size_t bytes) {
  void* place = nullptr;
  const cudaError_t answer = cudaMallocHost(&place, bytes);
  *address = static_cast<T*>(place);
  return answer;
}

/// Pageable memory of the host is read when it is called, and written before it returns; pinned
/// memory when the copy runs.
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream = nullptr);
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t rows,
                              cudaMemcpyKind kind, cudaStream_t stream = nullptr);
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream = nullptr);

/// Non-blocking streams only. The default stream is one more of them.
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);

/// What cudaLaunchKernelEx is: asks a stream for a kernel, of which one thread does `thread`.
cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel,
                   std::function<void()> thread);

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  return launch(*config, reinterpret_cast<const void*>(kernel),
                [kernel, values = std::tuple<std::decay_t<Parameters>...>(std::forward<Arguments>(
                             arguments)...)] { std::apply(kernel, values); });
}

// What a kernel sees.

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;

/// All threads of the block, at the same place: else it is an error that names them.
void __syncthreads(std::source_location place = std::source_location::current());

// Threads of a block run one at a time: these are whole.
template <class T>
requires std::is_integral_v<T> T atomicAdd(T* place, std::type_identity_t<T> value) {
  const T before = *place;
  *place = static_cast<T>(before + value);
  return before;
}
template <class T>
requires std::is_integral_v<T> T atomicMin(T* place, std::type_identity_t<T> value) {
  const T before = *place;
  if (value < before) *place = value;
  return before;
}
template <class T>
requires std::is_integral_v<T> T atomicMax(T* place, std::type_identity_t<T> value) {
  const T before = *place;
  if (value > before) *place = value;
  return before;
}
template <class T>
requires std::is_integral_v<T> T atomicCAS(T* place, std::type_identity_t<T> expected,
                                           std::type_identity_t<T> value) {
  const T before = *place;
  if (before == expected) *place = value;
  return before;
}

}  // namespace shardproof::sim::gpu

using enum shardproof::sim::gpu::cudaError;
using enum shardproof::sim::gpu::cudaMemcpyKind;
using shardproof::sim::gpu::__syncthreads;
using shardproof::sim::gpu::atomicAdd;
using shardproof::sim::gpu::atomicCAS;
using shardproof::sim::gpu::atomicMax;
using shardproof::sim::gpu::atomicMin;
using shardproof::sim::gpu::blockDim;
using shardproof::sim::gpu::blockIdx;
using shardproof::sim::gpu::cudaDeviceProp;
using shardproof::sim::gpu::cudaDeviceSynchronize;
using shardproof::sim::gpu::cudaDriverGetVersion;
using shardproof::sim::gpu::cudaError;
using shardproof::sim::gpu::cudaError_t;
using shardproof::sim::gpu::cudaEvent_t;
using shardproof::sim::gpu::cudaEventBlockingSync;
using shardproof::sim::gpu::cudaEventCreateWithFlags;
using shardproof::sim::gpu::cudaEventDefault;
using shardproof::sim::gpu::cudaEventDestroy;
using shardproof::sim::gpu::cudaEventDisableTiming;
using shardproof::sim::gpu::cudaEventQuery;
using shardproof::sim::gpu::cudaEventRecord;
using shardproof::sim::gpu::cudaEventSynchronize;
using shardproof::sim::gpu::cudaFree;
using shardproof::sim::gpu::cudaFreeHost;
using shardproof::sim::gpu::cudaGetDevice;
using shardproof::sim::gpu::cudaGetDeviceCount;
using shardproof::sim::gpu::cudaGetDeviceProperties;
using shardproof::sim::gpu::cudaGetErrorName;
using shardproof::sim::gpu::cudaGetErrorString;
using shardproof::sim::gpu::cudaGetLastError;
using shardproof::sim::gpu::cudaLaunchAttribute;
using shardproof::sim::gpu::cudaLaunchConfig_t;
using shardproof::sim::gpu::cudaLaunchKernelEx;
using shardproof::sim::gpu::cudaMalloc;
using shardproof::sim::gpu::cudaMallocHost;
using shardproof::sim::gpu::cudaMemcpy;
using shardproof::sim::gpu::cudaMemcpy2DAsync;
using shardproof::sim::gpu::cudaMemcpyAsync;
using shardproof::sim::gpu::cudaMemcpyKind;
using shardproof::sim::gpu::cudaMemGetInfo;
using shardproof::sim::gpu::cudaMemsetAsync;
using shardproof::sim::gpu::cudaPeekAtLastError;
using shardproof::sim::gpu::cudaRuntimeGetVersion;
using shardproof::sim::gpu::cudaSetDevice;
using shardproof::sim::gpu::cudaStream_t;
using shardproof::sim::gpu::cudaStreamCreateWithFlags;
using shardproof::sim::gpu::cudaStreamDestroy;
using shardproof::sim::gpu::cudaStreamNonBlocking;
using shardproof::sim::gpu::cudaStreamSynchronize;
using shardproof::sim::gpu::cudaStreamWaitEvent;
using shardproof::sim::gpu::dim3;
using shardproof::sim::gpu::gridDim;
using shardproof::sim::gpu::threadIdx;
using shardproof::sim::gpu::uint3;
using shardproof::sim::gpu::warpSize;
