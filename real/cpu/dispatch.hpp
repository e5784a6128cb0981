#pragma once

#include "real/backend.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real::cpu {

/// Calls kernel(C{}) with the compute type of a tensor: double for fp64, else float.
template <class Kernel>
auto with_compute_type(const TensorView& view, Kernel kernel) {
  return view.dtype == Dtype::fp64 ? kernel(double{}) : kernel(float{});
}

inline void expect_same_count(const TensorView& a, const TensorView& b) {
  SHARDPROOF_EXPECTS(a.elements() == b.elements(), to_string(a.shape), to_string(b.shape));
}

inline std::int64_t last_extent(const TensorView& view) {
  SHARDPROOF_EXPECTS(!view.shape.empty());
  return view.shape.back();
}

/// Rows of a tensor seen as a matrix: the product of all extents but the last.
inline std::int64_t leading_rows(const TensorView& view) {
  std::int64_t rows = 1;
  for (std::size_t d = 0; d + 1 < view.shape.size(); ++d) rows *= view.shape[d];
  return rows;
}

/// Token ids or labels.
inline std::int64_t* integers(const TensorView& view) {
  SHARDPROOF_EXPECTS(view.dtype == Dtype::int64, name_of(view.dtype));
  return reinterpret_cast<std::int64_t*>(view.data);
}

/// The value of a one-element tensor.
inline double scalar_of(const TensorView& view) {
  SHARDPROOF_EXPECTS(view.elements() == 1, to_string(view.shape));
  double value = 0;
  decode(view.dtype, {view.data, view.bytes()}, {&value, 1});
  return value;
}

/// Writes a one-element tensor: one rounding to its dtype.
inline void set_scalar(const TensorView& view, double value) {
  SHARDPROOF_EXPECTS(view.elements() == 1, to_string(view.shape));
  encode(view.dtype, {&value, 1}, {view.data, view.bytes()});
}

}  // namespace shardproof::real::cpu
