#pragma once

#include <cstdint>

#include "real/cuda/operands.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// The elements of a tensor as numbers of their width that mean nothing: for what moves or compares
/// bits.
template <class Bits>
Global<const Bits> bits_of(const TensorView& view) {
  return {reinterpret_cast<const Bits*>(view.data), view.elements()};
}
template <class Bits>
Global<Bits> bits_to_write(const TensorView& view) {
  return {reinterpret_cast<Bits*>(view.data), view.elements()};
}

/// Calls run(Bits{}) with the type of the bits of a tensor's elements.
template <class Run>
void in_bits_of(const TensorView& like, Run run) {
  switch (size_bytes(like.dtype)) {
    case 2: return run(std::uint16_t{});
    case 4: return run(std::uint32_t{});
    default: return run(std::uint64_t{});
  }
}

}  // namespace shardproof::real::SHARDPROOF_GPU
