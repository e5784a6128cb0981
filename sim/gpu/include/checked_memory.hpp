#pragma once

// What kernels reach memory through on the simulated GPU: Global and Shared as in
// real/cuda/memory.hpp, but every element is looked at when it is touched (sim/gpu/access.hpp).

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "sim/gpu/access.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// Stands for an element until it is read or written, at once: it cannot be kept. `auto x =
/// view[i]` gives something that cannot be used; say the type.
template <class T, class Place>
class Element {
  using Value = std::remove_const_t<T>;

 public:
  explicit Element(const Place& place) : place_(place) {}
  Element(const Element&) = delete;
  Element& operator=(const Element&) = delete;

  operator Value() const&& {  // NOLINT(google-explicit-constructor): it is the element
    Value value;
    std::memcpy(&value, sim::gpu::to_read(place_), sizeof(value));
    return value;
  }
  void operator=(Value value) && {  // NOLINT(misc-unconventional-assign-operator)
    std::memcpy(sim::gpu::to_write(place_), &value, sizeof(value));
  }
  void operator=(Element&& other) && { std::move(*this) = static_cast<Value>(std::move(other)); }
  void operator+=(Value value) && { std::move(*this) = static_cast<Value>(read() + value); }
  void operator-=(Value value) && { std::move(*this) = static_cast<Value>(read() - value); }
  void operator*=(Value value) && { std::move(*this) = static_cast<Value>(read() * value); }
  void operator/=(Value value) && { std::move(*this) = static_cast<Value>(read() / value); }
  /// For atomic functions.
  Value* operator&() && {  // NOLINT(google-runtime-operator)
    return static_cast<Value*>(sim::gpu::to_update(place_));
  }

 private:
  Value read() { return static_cast<Value>(std::move(*this)); }
  Place place_;
};

/// `count` elements of a device's memory. Made on the host, read and written by kernels alone.
template <class T>
class Global {
  using Place = sim::gpu::GlobalPlace;

 public:
  Global() = default;
  /// A finding if they do not lie in one allocation that is alive.
  Global(T* data, std::int64_t count)
      : data_(data),
        count_(count),
        allocation_(sim::gpu::allocation_of(data, static_cast<std::size_t>(count) * sizeof(T))) {}

  decltype(auto) operator[](std::int64_t i) const {
    const Place place{allocation_, data_, count_, i, sizeof(T), alignof(T)};
    if constexpr (std::is_class_v<T> && std::is_const_v<T>)
      return *static_cast<T*>(sim::gpu::to_read(place));  // its members can be named
    else
      return Element<T, Place>(place);
  }
  /// The same bytes as elements of another type, from the same place on.
  template <class U>
  Global<U> as() const {
    Global<U> view;
    view.data_ = reinterpret_cast<U*>(data_);
    view.count_ =
        count_ * static_cast<std::int64_t>(sizeof(T)) / static_cast<std::int64_t>(sizeof(U));
    view.allocation_ = allocation_;
    return view;
  }
  bool is_null() const { return data_ == nullptr; }
  /// What element i is; if that is `expected`, it is `desired` from now on. One step, whatever
  /// other threads do.
  T exchange_if(std::int64_t i, T expected, T desired) const {
    return atomicCAS(&(*this)[i], expected, desired);
  }

 private:
  template <class>
  friend class Global;
  T* data_ = nullptr;
  std::int64_t count_ = 0;
  sim::gpu::Allocation* allocation_ = nullptr;
};

/// An array that the threads of a block share: `__shared__ Shared<float, 256> sums;` in a kernel.
/// It is one array for all blocks, which run one at a time; of another block's values nothing is
/// known.
template <class T, int N>
class Shared {
  static_assert(std::is_trivial_v<T> && !std::is_class_v<T>);
  using Place = sim::gpu::SharedPlace;

 public:
  Element<T, Place> operator[](std::int64_t i) {
    return Element<T, Place>(
        {histories_.data(), reinterpret_cast<std::byte*>(data_.data()), N, i, sizeof(T)});
  }

 private:
  std::array<T, N> data_{};
  std::array<sim::gpu::History, N> histories_{};
};

}  // namespace shardproof::real::SHARDPROOF_GPU
