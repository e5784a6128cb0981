#pragma once

#include <bit>
#include <cstdint>

#include "real/cuda/memory.hpp"
#include "real/extents.hpp"
#include "real/kernels.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/float16.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// A tensor's bytes as a kernel may reach them; without a tensor, null.
inline Global<std::byte> global_bytes(const TensorView& view) {
  return {view.data, static_cast<std::int64_t>(view.bytes())};
}

/// Token ids or labels.
inline Global<const std::int64_t> integers(const TensorView& view) {
  SHARDPROOF_EXPECTS(view.dtype == Dtype::int64, name_of(view.dtype));
  return {reinterpret_cast<const std::int64_t*>(view.data), view.elements()};
}
inline Global<std::int64_t> integers_to_write(const TensorView& view) {
  SHARDPROOF_EXPECTS(view.dtype == Dtype::int64, name_of(view.dtype));
  return {reinterpret_cast<std::int64_t*>(view.data), view.elements()};
}

/// A tensor as the compute type C sees it: exact, but for fp64 read as float, which is rounded once
/// (only scalars beside fp32 tensors are).
template <class C>
class Input {
 public:
  Input() = default;
  explicit Input(const TensorView& view)
      : bytes_(reinterpret_cast<const std::byte*>(view.data),
               static_cast<std::int64_t>(view.bytes())),
        dtype_(view.dtype) {}

  __device__ C operator[](std::int64_t i) const {
    switch (dtype_) {
      case Dtype::fp64: return static_cast<C>(bytes_.template as<const double>()[i]);
      case Dtype::fp32: return static_cast<C>(bytes_.template as<const float>()[i]);
      case Dtype::bf16:
        return static_cast<C>(float_from_bf16(bytes_.template as<const std::uint16_t>()[i]));
      case Dtype::fp16:
        return static_cast<C>(float_from_fp16(bytes_.template as<const std::uint16_t>()[i]));
      case Dtype::int64: break;  // see integers()
    }
    return C{0};
  }
  __host__ __device__ bool is_null() const { return bytes_.is_null(); }

 private:
  Global<const std::byte> bytes_;
  Dtype dtype_ = Dtype::fp32;
};

/// Where a kernel writes what it computed in type C: each element is rounded once, to the tensor's
/// dtype.
template <class C>
class Output {
 public:
  Output() = default;
  explicit Output(const TensorView& view) : bytes_(global_bytes(view)), dtype_(view.dtype) {}

  __device__ void set(std::int64_t i, C value) const {
    switch (dtype_) {
      case Dtype::fp64: bytes_.template as<double>()[i] = static_cast<double>(value); return;
      case Dtype::fp32: bytes_.template as<float>()[i] = static_cast<float>(value); return;
      case Dtype::bf16:
        bytes_.template as<std::uint16_t>()[i] = bf16_from_float(once_to_float(value));
        return;
      case Dtype::fp16:
        bytes_.template as<std::uint16_t>()[i] = fp16_from_float(once_to_float(value));
        return;
      case Dtype::int64: return;
    }
  }

 private:
  __device__ static float once_to_float(float value) { return value; }
  /// fp64 to 16 bits by way of fp32 would round twice: rounded to odd on the way, it does not
  /// (Boldo & Melquiond 2008, doi:10.1109/TC.2007.70819).
  __device__ static float once_to_float(double value) {
    const float nearest = static_cast<float>(value);
    const double back = static_cast<double>(nearest);
    if (back == value || value != value || nearest - nearest != 0.0F) return nearest;
    const auto bits = std::bit_cast<std::uint32_t>(nearest);
    if ((bits & 1U) != 0) return nearest;  // odd already
    const bool away = (nearest > 0.0F ? back > value : back < value) && nearest != 0.0F;
    return std::bit_cast<float>(away ? bits - 1 : bits + 1);
  }

  Global<std::byte> bytes_;
  Dtype dtype_ = Dtype::fp32;
};

/// Calls run(C{}) with the compute type of a tensor: double for fp64, else float.
template <class Run>
void in_compute_type_of(const TensorView& like, Run run) {
  like.dtype == Dtype::fp64 ? run(double{}) : run(float{});
}

}  // namespace shardproof::real::SHARDPROOF_GPU
