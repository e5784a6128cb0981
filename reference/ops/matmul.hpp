#pragma once

#include <cstdint>

#include "reference/ops/product.hpp"
#include "reference/ops/tensor.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::reference {

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

}  // namespace shardproof::reference
