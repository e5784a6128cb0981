#include "reference/ops/matmul.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

Factor matrix(const Tensor& x) { return {x.values, x.rows(), x.columns()}; }
Factor transposed(Factor f) {
  f.transposed = !f.transposed;
  return f;
}
/// A weight as the matrix (I, O).
Factor weight_matrix(const Tensor& w, WeightLayout layout) {
  return layout == WeightLayout::out_in ? transposed(matrix(w)) : matrix(w);
}
/// The rows that batch group `group` of `groups` holds.
Factor rows_of_group(const Tensor& x, std::int64_t group, std::int64_t groups) {
  const std::int64_t rows = x.rows() / groups;
  const auto size = static_cast<std::size_t>(rows * x.columns());
  return {std::span(x.values).subspan(static_cast<std::size_t>(group) * size, size), rows,
          x.columns()};
}

Shape with_last(Shape shape, std::int64_t extent) {
  shape.back() = extent;
  return shape;
}

}  // namespace

Tensor matmul(const Tensor& x, const Tensor& w, WeightLayout layout) {
  const Factor weight = weight_matrix(w, layout);
  Tensor y(with_last(x.shape, weight.width()));
  product(matrix(x), weight, y.values);
  return y;
}

Tensor matmul_vjp_input(const Tensor& dy, const Tensor& w, WeightLayout layout) {
  const Factor weight = transposed(weight_matrix(w, layout));
  Tensor dx(with_last(dy.shape, weight.width()));
  product(matrix(dy), weight, dx.values);
  return dx;
}

Tensor matmul_vjp_weight(const Tensor& dy, const Tensor& x, std::int64_t groups,
                         WeightLayout layout) {
  SHARDPROOF_EXPECTS(groups > 0 && dy.rows() == x.rows() && x.rows() % groups == 0, groups,
                     to_string(dy.shape), to_string(x.shape));
  const Tensor& left = layout == WeightLayout::out_in ? dy : x;
  const Tensor& right = layout == WeightLayout::out_in ? x : dy;
  Tensor dw({groups, left.columns(), right.columns()});
  const auto size = static_cast<std::size_t>(left.columns() * right.columns());
  for (std::int64_t g = 0; g < groups; ++g)
    product(transposed(rows_of_group(left, g, groups)), rows_of_group(right, g, groups),
            std::span(dw.values).subspan(static_cast<std::size_t>(g) * size, size));
  return dw;
}

}  // namespace shardproof::reference
