#pragma once

#include <algorithm>
#include <cstdint>

#include "real/cuda/launch.hpp"
#include "real/cuda/workspace.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

// Sums over the rows of a matrix, in two launches and one order: block b of n takes rows b, b + n,
// b + 2n, ... and adds them to partial row b in the workspace, first to last; then the n partial
// rows are added, first to last. Each rounds to C; n follows from the shape alone.

/// Blocks that leave a partial row.
constexpr std::int64_t kMostPartialRows = std::min<std::int64_t>(512, kMostBlocks);

/// Terms: `of_row(row)`, what all threads of a block together find out about a row; and
/// `term(of_row, i)`, the term at element i of the matrix.
template <class C, class Terms>
__global__ void partial_rows_kernel(RowExtents e, Terms terms, Global<C> partials) {
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const auto of_row = terms.of_row(row);
    for (std::int64_t c = threadIdx.x; c < e.H; c += blockDim.x) {
      const C term = terms.term(of_row, row * e.H + c);
      const std::int64_t at = blockIdx.x * e.H + c;
      partials[at] = row < gridDim.x ? term : partials[at] + term;
    }
  }
}

template <class C>
__global__ void column_sums_kernel(RowExtents partial, Global<C> partials, Output<C> y) {
  for (std::int64_t c = first_element(); c < partial.H; c += grid_threads()) {
    C sum{0};
    for (std::int64_t row = 0; row < partial.rows; ++row) sum += partials[row * partial.H + c];
    y.set(c, sum);
  }
}

/// y (H) = the sum over the rows of terms (rows, H); of none it is zero.
template <class C, class Terms>
void sum_columns(Device& device, const KernelCall& call, RowExtents e, const Terms& terms,
                 const TensorView& y) {
  if (e.H == 0) return;
  const std::int64_t room =
      static_cast<std::int64_t>(CudaDevice::kWorkspaceBytes / sizeof(C)) / e.H;
  SHARDPROOF_EXPECTS(room > 0, "no room for a row of", e.H);
  const RowExtents partial{std::min({e.rows, kMostPartialRows, room}), e.H};
  const auto partials = Workspace(device, call).take<C>(partial.rows * partial.H);
  launch_rows(device, call, partial.rows, partial_rows_kernel<C, Terms>, e, terms, partials);
  launch_elements(device, call, e.H, column_sums_kernel<C>, partial, partials, Output<C>(y));
}

}  // namespace shardproof::real::SHARDPROOF_GPU
