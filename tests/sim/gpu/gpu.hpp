#pragma once

// A fresh simulated GPU for a test case, and short names for what the cases do with it.

#include <cuda_runtime.h>

#include <boost/test/unit_test.hpp>
#include <checked_memory.hpp>
#include <string>
#include <vector>

#include "scenarios/errors.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {

template <class T>
using Global = real::SHARDPROOF_GPU::Global<T>;
template <class T, int N>
using Shared = real::SHARDPROOF_GPU::Shared<T, N>;

inline void succeed(cudaError_t answer) {
  BOOST_REQUIRE_EQUAL(cudaGetErrorName(answer), "cudaSuccess");
}

class Gpu {
 public:
  explicit Gpu(const Schedule& schedule = {}) {
    reset();
    set_schedule(schedule);
    for (cudaStream_t* stream : {&compute, &communication})
      succeed(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
  }
  ~Gpu() { reset(); }
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  cudaStream_t compute = nullptr;
  cudaStream_t communication = nullptr;

  /// Device memory of `count` elements that nobody has written.
  template <class T>
  T* fresh(std::size_t count) {
    T* place = nullptr;
    succeed(cudaMalloc(&place, count * sizeof(T)));
    return place;
  }
  template <class T>
  T* filled(const std::vector<T>& values) {
    T* const place = fresh<T>(values.size());
    succeed(cudaMemcpy(place, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
    return place;
  }
  template <class T>
  T* pinned(const std::vector<T>& values) {
    T* place = nullptr;
    succeed(cudaMallocHost(&place, values.size() * sizeof(T)));
    std::copy(values.begin(), values.end(), place);
    return place;
  }
  template <class T>
  std::vector<T> read(const T* place, std::size_t count) {
    std::vector<T> values(count);
    succeed(cudaDeviceSynchronize());
    succeed(cudaMemcpy(values.data(), place, count * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

  template <class... Parameters, class... Arguments>
  void launch_on(cudaStream_t stream, dim3 grid, dim3 block, void (*kernel)(Parameters...),
                 const Arguments&... arguments) {
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.stream = stream;
    succeed(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
  }
  /// On the compute stream, and waits for it.
  template <class... Parameters, class... Arguments>
  void run(dim3 grid, dim3 block, void (*kernel)(Parameters...), const Arguments&... arguments) {
    launch_on(compute, grid, block, kernel, arguments...);
    succeed(cudaStreamSynchronize(compute));
  }

  cudaEvent_t recorded(cudaStream_t stream) {
    cudaEvent_t event = nullptr;
    succeed(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    succeed(cudaEventRecord(event, stream));
    return event;
  }
};

/// Those under which a program that is right gives equal bits.
inline std::vector<Schedule> schedules(std::uint64_t seeds = 8) {
  std::vector<Schedule> all{{Schedule::Kind::latest}, {Schedule::Kind::earliest}};
  for (std::uint64_t seed = 0; seed < seeds; ++seed) all.push_back({Schedule::Kind::random, seed});
  return all;
}

/// What the finding says that `call` ends with; "" if there is none.
template <class Call>
std::string finding(Call call) {
  try {
    call();
  } catch (const InvariantError& error) {
    return error.what();
  }
  return "";
}

/// Checks that a finding names each of the parts.
inline void check_names(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    BOOST_TEST(text.find(part) != std::string::npos, "\"" << text << "\" lacks \"" << part << "\"");
}

}  // namespace shardproof::sim::gpu
