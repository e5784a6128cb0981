#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "reference/ops/tensor.hpp"

namespace shardproof::reference {

/// Where the features of a tensor (..., h*F) lie whose heads are each made of `parts` side by side,
/// F their sum. A fused projection of blocks one after another, [Q; K; V], is one such head.
///   parts {4, 2, 2}, 16 features -> 2 heads; part 1 of head 1 is features 12 and 13
struct HeadParts {
  std::int64_t width;  // F
  std::int64_t begin;  // of part k within a head
  std::int64_t part;   // its width

  HeadParts(const std::vector<std::int64_t>& parts, std::size_t k)
      : width(std::accumulate(parts.begin(), parts.end(), std::int64_t{0})),
        begin(std::accumulate(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(k),
                              std::int64_t{0})),
        part(parts.at(k)) {}
  /// The heads of a tensor of `features`; one of a tensor of none.
  std::int64_t heads(std::int64_t features) const {
    SHARDPROOF_EXPECTS(width == 0 ? features == 0 : features % width == 0, features, width);
    return width == 0 ? 1 : features / width;
  }
};

/// x (..., h*F) -> (..., h*parts[k]): part k of every head.
template <class Scalar>
TensorOf<Scalar> split(const TensorOf<Scalar>& x, const std::vector<std::int64_t>& parts,
                       std::size_t k) {
  const HeadParts p(parts, k);
  const std::int64_t heads = p.heads(x.columns());
  Shape shape = x.shape;
  shape.back() = heads * p.part;
  TensorOf<Scalar> y(shape);
  for (std::int64_t head = 0; head < x.rows() * heads; ++head)
    for (std::int64_t i = 0; i < p.part; ++i)
      y[head * p.part + i] = x[head * p.width + p.begin + i];
  return y;
}

/// The inverse: x_k (..., h*parts[k]) of all k -> (..., h*F).
template <class Scalar>
TensorOf<Scalar> join(const std::vector<TensorOf<Scalar>>& apart,
                      const std::vector<std::int64_t>& parts) {
  SHARDPROOF_EXPECTS(apart.size() == parts.size(), apart.size(), parts.size());
  Shape shape = apart.at(0).shape;
  shape.back() = 0;
  for (const TensorOf<Scalar>& x : apart) shape.back() += x.columns();
  TensorOf<Scalar> y(shape);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const HeadParts p(parts, k);
    const std::int64_t heads = y.rows() * p.heads(y.columns());
    SHARDPROOF_EXPECTS(apart[k].size() == heads * p.part, to_string(apart[k].shape), heads, p.part);
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t i = 0; i < p.part; ++i)
        y[head * p.width + p.begin + i] = apart[k][head * p.part + i];
  }
  return y;
}

/// x (..., p) -> (..., h*p): the same features for every head.
template <class Scalar>
TensorOf<Scalar> repeat_heads(const TensorOf<Scalar>& x, std::int64_t heads) {
  const std::int64_t width = x.columns();
  Shape shape = x.shape;
  shape.back() = heads * width;
  TensorOf<Scalar> y(shape);
  for (std::int64_t i = 0; i < y.size(); ++i) y[i] = x[i / (heads * width) * width + i % width];
  return y;
}

}  // namespace shardproof::reference
