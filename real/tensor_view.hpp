#pragma once

#include <cstddef>
#include <cstdint>

#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::real {

/// A dense row-major tensor in a device's memory. Does not own.
struct TensorView {
  Dtype dtype = Dtype::fp32;
  Shape shape;
  std::byte* data = nullptr;

  std::int64_t elements() const { return element_count(shape); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_bytes(dtype); }
};

/// `count` elements from element `begin` on, as a vector.
inline TensorView stretch(const TensorView& x, std::int64_t begin, std::int64_t count) {
  return {x.dtype, {count}, x.data + static_cast<std::size_t>(begin) * size_bytes(x.dtype)};
}

}  // namespace shardproof::real
