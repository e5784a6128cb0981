#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "real/backend.hpp"

namespace shardproof::contract {

using real::Backend;
using real::TensorView;
using Values = std::vector<double>;

/// The backend under test; the including test program defines it.
std::unique_ptr<Backend> make_backend();

/// A backend and the tensors made on it, released together.
class Device {
 public:
  Device() : backend_(make_backend()) {}
  ~Device() {
    for (const TensorView& view : views_) backend_->release(view.data, view.bytes());
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Backend* operator->() { return backend_.get(); }

  /// A tensor of these values, each rounded to the dtype.
  TensorView tensor(Dtype dtype, const Shape& shape, const Values& values) {
    TensorView view = uninitialised(dtype, shape);
    std::vector<std::byte> host(view.bytes());
    encode(dtype, values, host);
    backend_->copy_from_host(host, view);
    return view;
  }
  /// Poisoned: a kernel that leaves an element out, or adds to it, shows.
  TensorView output(Dtype dtype, const Shape& shape) {
    const double poison = dtype == Dtype::int64 ? -7 : NAN;
    return tensor(dtype, shape, Values(static_cast<std::size_t>(element_count(shape)), poison));
  }
  Values read(const TensorView& view) {
    std::vector<std::byte> host(view.bytes());
    backend_->synchronize();
    backend_->copy_to_host(view, host);
    Values values(static_cast<std::size_t>(view.elements()));
    decode(view.dtype, host, values);
    return values;
  }

 private:
  TensorView uninitialised(Dtype dtype, const Shape& shape) {
    TensorView view{dtype, shape, nullptr};
    view.data = backend_->allocate(view.bytes());
    views_.push_back(view);
    return view;
  }
  std::unique_ptr<Backend> backend_;
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
