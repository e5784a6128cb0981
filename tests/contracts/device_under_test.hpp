#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "tests/support/kernels.hpp"

namespace shardproof::contract {

using real::Stream;
using real::TensorView;
using Values = std::vector<double>;

/// The device under test; the including test program defines it.
std::unique_ptr<real::Device> make_device();

/// A device and the tensors made on it, released together.
class Device {
 public:
  explicit Device(std::unique_ptr<real::Device> device = make_device())
      : kernels_(std::move(device)) {}
  ~Device() {
    for (const TensorView& view : views_) kernels_.release(view.data, view.bytes());
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  tests::Kernels* operator->() { return &kernels_; }
  real::Device& memory() { return kernels_.device(); }

  /// A tensor of these values, each rounded to the dtype.
  TensorView tensor(Dtype dtype, const Shape& shape, const Values& values) {
    TensorView view = uninitialised(dtype, shape);
    std::vector<std::byte> host(view.bytes());
    encode(dtype, values, host);
    memory().copy_from_host(host, view, Stream::compute);
    return view;
  }
  /// Poisoned: a kernel that leaves an element out, or adds to it, shows.
  TensorView output(Dtype dtype, const Shape& shape) {
    const double poison = dtype == Dtype::int64 ? -7 : NAN;
    return tensor(dtype, shape, Values(static_cast<std::size_t>(element_count(shape)), poison));
  }
  Values read(const TensorView& view) {
    std::vector<std::byte> host(view.bytes());
    memory().copy_to_host(view, host, Stream::compute);
    kernels_.synchronize();
    Values values(static_cast<std::size_t>(view.elements()));
    decode(view.dtype, host, values);
    return values;
  }

 private:
  TensorView uninitialised(Dtype dtype, const Shape& shape) {
    TensorView view{dtype, shape, nullptr};
    view.data = kernels_.allocate(view.bytes());
    views_.push_back(view);
    return view;
  }
  tests::Kernels kernels_;
  std::vector<TensorView> views_;
};

inline constexpr Dtype float_dtypes[] = {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16};

/// fp64 for fp64 tensors, else fp32.
inline Dtype compute_of(Dtype dtype) { return dtype == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32; }

/// Numbers in (-2, 2), representable in `dtype`.
inline Values random_values(Dtype dtype, const Shape& shape, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  Values values(static_cast<std::size_t>(element_count(shape)));
  for (double& value : values)
    value = round_to(dtype, static_cast<double>(generator() >> 11) * 0x1p-51 - 2.0);
  return values;
}

}  // namespace shardproof::contract
