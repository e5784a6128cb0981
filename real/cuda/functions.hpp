#pragma once

#include <cmath>

#include "real/cuda/memory.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

// The functions that are not correctly rounded. CUDA documents its own by their distance from the
// correctly rounded result (Programming Guide, "Mathematical Functions"): one or two units in the
// last place in fp32, which with that rounding may be more than the bounds grant (docs/bounds.md,
// "Library functions"). By way of fp64, and rounded once, those in fp32 err by hardly more than u,
// on a GPU and on its simulator.

template <class C>
__device__ C exp_of(C x) {
  return static_cast<C>(std::exp(static_cast<double>(x)));
}
template <class C>
__device__ C log_of(C x) {
  return static_cast<C>(std::log(static_cast<double>(x)));
}
template <class C>
__device__ C tanh_of(C x) {
  return static_cast<C>(std::tanh(static_cast<double>(x)));
}
template <class C>
__device__ C erf_of(C x) {
  return static_cast<C>(std::erf(static_cast<double>(x)));
}

}  // namespace shardproof::real::SHARDPROOF_GPU
