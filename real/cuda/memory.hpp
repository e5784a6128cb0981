#pragma once

// What kernels reach memory through. On a GPU these are bare pointers and arrays and cost nothing;
// the simulated GPU brings its own, which know how far an allocation goes, which of its bytes were
// ever written, and who wrote last (sim/gpu/include/checked_memory.hpp).

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#ifdef SHARDPROOF_SIMULATED_GPU
#include <checked_memory.hpp>
#else

namespace shardproof::real::SHARDPROOF_GPU {

/// `count` elements of a device's memory. Made on the host, read and written by kernels alone.
template <class T>
class Global {
 public:
  Global() = default;
  Global(T* data, std::int64_t) : data_(data) {}

  __device__ T& operator[](std::int64_t i) const { return data_[i]; }
  /// The same bytes as elements of another type, from the same place on.
  template <class U>
  __device__ Global<U> as() const {
    return Global<U>(reinterpret_cast<U*>(data_));
  }
  __host__ __device__ bool is_null() const { return data_ == nullptr; }
  /// What element i is; if that is `expected`, it is `desired` from now on. One step, whatever
  /// other threads do. For unsigned long long.
  __device__ T exchange_if(std::int64_t i, T expected, T desired) const {
    return atomicCAS(data_ + i, expected, desired);
  }

 private:
  template <class>
  friend class Global;
  __device__ explicit Global(T* data) : data_(data) {}
  T* data_ = nullptr;
};

/// An array that the threads of a block share: `__shared__ Shared<float, 256> sums;` in a kernel.
/// Its elements mean nothing until one of them writes it.
template <class T, int N>
class Shared {
 public:
  __device__ T& operator[](int i) { return data_[i]; }

 private:
  T data_[N];
};

}  // namespace shardproof::real::SHARDPROOF_GPU

#endif
