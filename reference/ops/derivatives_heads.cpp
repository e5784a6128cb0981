#include "reference/ops/derivatives.hpp"
#include "reference/ops/heads.hpp"

namespace shardproof::reference {

Tensor split_vjp(const Tensor& dy, const Shape& shape, const std::vector<std::int64_t>& parts,
                 std::size_t k) {
  const HeadParts p(parts, k);
  Tensor dx(shape);
  for (std::int64_t i = 0; i < dy.size(); ++i)
    dx[i / p.part * p.width + p.begin + i % p.part] = dy[i];
  return dx;
}

Tensor join_vjp(const Tensor& dy, const std::vector<std::int64_t>& parts, std::size_t k) {
  return split(dy, parts, k);
}

Tensor repeat_heads_vjp(const Tensor& dy, std::int64_t heads) {
  Shape shape = dy.shape;
  shape.back() /= heads;
  Tensor dx(shape);
  const std::int64_t width = dx.columns();
  for (std::int64_t i = 0; i < dy.size(); ++i) dx[i / (heads * width) * width + i % width] += dy[i];
  return dx;
}

}  // namespace shardproof::reference
