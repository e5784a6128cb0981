#pragma once

#include <cstdint>
#include <span>

#include "reference/ops/tensor.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::reference {

/// One factor of a matrix product: a row-major matrix, read as it stands or transposed.
struct Factor {
  std::span<const double> values;
  std::int64_t rows = 0;  // as stored
  std::int64_t columns = 0;
  bool transposed = false;

  std::int64_t height() const { return transposed ? columns : rows; }
  std::int64_t width() const { return transposed ? rows : columns; }
  double at(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(transposed ? j * columns + i : i * columns + j)];
  }
};

/// c (a.height, b.width) = a b in fp64, by OpenBLAS, or by plain loops inside a PlainLoops scope.
/// Eight elements of every BLAS product are computed again by a plain loop; a disagreement beyond
/// what rounding explains is an InvariantError.
void product(const Factor& a, const Factor& b, std::span<double> c);

/// The same by three loops, every sum from the first term to the last.
void plain_product(const Factor& a, const Factor& b, std::span<double> c);

/// While one is alive, this thread's products are plain loops: the witness for the BLAS.
class PlainLoops {
 public:
  PlainLoops();
  ~PlainLoops();
  PlainLoops(const PlainLoops&) = delete;
  PlainLoops& operator=(const PlainLoops&) = delete;

 private:
  bool outer_;
};

/// x (..., I), w (O, I) -> x w^T (..., O). In the layout in_out w is (I, O): the same with w^T for
/// w.
Tensor matmul(const Tensor& x, const Tensor& w, WeightLayout layout = WeightLayout::out_in);
/// The gradient with respect to x. dy (..., O), w (O, I) -> dy w (..., I).
Tensor matmul_vjp_input(const Tensor& dy, const Tensor& w,
                        WeightLayout layout = WeightLayout::out_in);
/// The gradient with respect to w, of each batch group by itself: the rows of dy and x are cut into
/// `groups` equal parts. dy (..., O), x (..., I) -> (groups, O, I), dy^T x.
Tensor matmul_vjp_weight(const Tensor& dy, const Tensor& x, std::int64_t groups,
                         WeightLayout layout = WeightLayout::out_in);

namespace detail {
/// Recomputes eight elements of c = a b. Throws InvariantError.
void spot_check(const Factor& a, const Factor& b, std::span<const double> c);
}  // namespace detail

}  // namespace shardproof::reference
