// RMSNorm over rows of H elements: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
// R = 1 / sqrt(mean(x^2) + eps), X = x * R.
//
// LayerNorm: Ba et al. 2016, arXiv:1607.06450, eq. 4, with eps. Two passes: mu = mean(x), then the
// mean of (x - mu)^2; R = 1 / sqrt(that + eps). One pass, mean(x^2) - mu^2, would cancel.
// X = (x - mu) * R.
//
// A row is a block's. Its sums: thread t adds elements t, t + kThreads, ... first to last, then the
// threads' sums are added as block_sum does. Sums over rows are those of column_sums.hpp.
#include <cmath>

#include "real/cuda/column_sums.hpp"
#include "real/cuda/kernel_lists.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// The sum of term(0) ... term(H - 1), for all threads of the block.
template <class C, class Term>
__device__ C row_sum(std::int64_t H, Term term) {
  C sum{0};
  for (std::int64_t i = threadIdx.x; i < H; i += blockDim.x) sum += term(i);
  return block_sum(sum);
}

/// What normalises the row of x that begins at an element; the two norms' own.
template <class C>
struct RmsRow {
  C R;
  __device__ RmsRow(const Input<C>& x, std::int64_t begin, std::int64_t H, C eps) {
    const C squares = row_sum<C>(H, [&](std::int64_t i) { return x[begin + i] * x[begin + i]; });
    R = C{1} / std::sqrt(squares / static_cast<C>(H) + eps);
  }
  __device__ C normalised(C x) const { return x * R; }
};

template <class C>
struct LayerRow {
  C mean;
  C R;
  __device__ LayerRow(const Input<C>& x, std::int64_t begin, std::int64_t H, C eps) {
    mean = row_sum<C>(H, [&](std::int64_t i) { return x[begin + i]; }) / static_cast<C>(H);
    const C squares = row_sum<C>(H, [&](std::int64_t i) {
      const C deviation = x[begin + i] - mean;
      return deviation * deviation;
    });
    R = C{1} / std::sqrt(squares / static_cast<C>(H) + eps);
  }
  __device__ C normalised(C x) const { return (x - mean) * R; }
};

/// The terms dy * X of a weight's gradient.
template <class C, class Row>
struct WeightTerms {
  Input<C> dy;
  Input<C> x;
  std::int64_t H;
  C eps;
  __device__ Row of_row(std::int64_t row) const { return Row(x, row * H, H, eps); }
  __device__ C term(const Row& row, std::int64_t i) const { return dy[i] * row.normalised(x[i]); }
};

/// dweight (H) = the sum over the rows of dy * X.
template <template <class> class Row>
void backward_weight(Device& device, const KernelCall& call, RowExtents extents) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    sum_columns<C>(device, call, extents,
                   WeightTerms<C, Row<C>>{Input<C>(call.in(0)), Input<C>(call.in(1)), extents.H,
                                          static_cast<C>(call.attributes.eps)},
                   call.out());
  });
}

// ---- RMSNorm -----------------------------------------------------------------------------------

/// offset + weight, one rounding; without an offset the weight itself.
template <class C>
struct ShiftedWeight {
  Input<C> weight;
  C offset;
  __device__ C operator[](std::int64_t i) const {
    return offset == C{0} ? weight[i] : offset + weight[i];
  }
};

/// y = X * weight.
template <class C>
__global__ void rms_norm_kernel(RowExtents e, Input<C> x, ShiftedWeight<C> weight, Output<C> y,
                                C eps) {
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const std::int64_t begin = row * e.H;
    const RmsRow<C> norm(x, begin, e.H, eps);
    for (std::int64_t i = threadIdx.x; i < e.H; i += blockDim.x)
      y.set(begin + i, norm.normalised(x[begin + i]) * weight[i]);
  }
}

void rms_norm(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  const RowExtents e = norm_extents(call.in(0), call.in(1));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_rows(device, call, e.rows, rms_norm_kernel<C>, e, Input<C>(call.in(0)),
                ShiftedWeight<C>{Input<C>(call.in(1)), static_cast<C>(call.attributes.offset)},
                Output<C>(call.out()), static_cast<C>(call.attributes.eps));
  });
}

/// With g = dy * weight: dx = R * (g - X * mean(g X)).
template <class C>
__global__ void rms_norm_backward_input_kernel(RowExtents e, Input<C> dy, Input<C> x,
                                               ShiftedWeight<C> weight, Output<C> dx, C eps) {
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const std::int64_t begin = row * e.H;
    const RmsRow<C> norm(x, begin, e.H, eps);
    const C sum = row_sum<C>(e.H, [&](std::int64_t i) {
      return (dy[begin + i] * weight[i]) * norm.normalised(x[begin + i]);
    });
    const C mean = sum / static_cast<C>(e.H);
    for (std::int64_t i = threadIdx.x; i < e.H; i += blockDim.x)
      dx.set(begin + i,
             norm.R * (dy[begin + i] * weight[i] - norm.normalised(x[begin + i]) * mean));
  }
}

void rms_norm_backward_input(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  expect_same_count(call.out(), call.in(1));
  const RowExtents e = norm_extents(call.in(1), call.in(2));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_rows(device, call, e.rows, rms_norm_backward_input_kernel<C>, e, Input<C>(call.in(0)),
                Input<C>(call.in(1)),
                ShiftedWeight<C>{Input<C>(call.in(2)), static_cast<C>(call.attributes.offset)},
                Output<C>(call.out()), static_cast<C>(call.attributes.eps));
  });
}

void rms_norm_backward_weight(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  backward_weight<RmsRow>(device, call, norm_extents(call.in(1), call.out()));
}

// ---- LayerNorm ---------------------------------------------------------------------------------

/// y = X * weight + bias.
template <class C>
__global__ void layer_norm_kernel(RowExtents e, Input<C> x, Input<C> weight, Input<C> bias,
                                  Output<C> y, C eps) {
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const std::int64_t begin = row * e.H;
    const LayerRow<C> norm(x, begin, e.H, eps);
    for (std::int64_t i = threadIdx.x; i < e.H; i += blockDim.x)
      y.set(begin + i, norm.normalised(x[begin + i]) * weight[i] + bias[i]);
  }
}

void layer_norm(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  expect_same_count(call.in(1), call.in(2));
  const RowExtents e = whole_extents(call.in(0), call.in(1));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_rows(device, call, e.rows, layer_norm_kernel<C>, e, Input<C>(call.in(0)),
                Input<C>(call.in(1)), Input<C>(call.in(2)), Output<C>(call.out()),
                static_cast<C>(call.attributes.eps));
  });
}

/// With g = dy * weight: dx = R * ((g - mean(g)) - X * mean(g X)).
template <class C>
__global__ void layer_norm_backward_input_kernel(RowExtents e, Input<C> dy, Input<C> x,
                                                 Input<C> weight, Output<C> dx, C eps) {
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const std::int64_t begin = row * e.H;
    const LayerRow<C> norm(x, begin, e.H, eps);
    const C H = static_cast<C>(e.H);
    const C mean = row_sum<C>(e.H, [&](std::int64_t i) { return dy[begin + i] * weight[i]; }) / H;
    const C sum_with_x = row_sum<C>(e.H, [&](std::int64_t i) {
      return (dy[begin + i] * weight[i]) * norm.normalised(x[begin + i]);
    });
    const C mean_with_x = sum_with_x / H;
    for (std::int64_t i = threadIdx.x; i < e.H; i += blockDim.x)
      dx.set(begin + i, norm.R * ((dy[begin + i] * weight[i] - mean) -
                                  norm.normalised(x[begin + i]) * mean_with_x));
  }
}

void layer_norm_backward_input(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  expect_same_count(call.out(), call.in(1));
  const RowExtents e = whole_extents(call.in(1), call.in(2));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_rows(device, call, e.rows, layer_norm_backward_input_kernel<C>, e, Input<C>(call.in(0)),
                Input<C>(call.in(1)), Input<C>(call.in(2)), Output<C>(call.out()),
                static_cast<C>(call.attributes.eps));
  });
}

void layer_norm_backward_weight(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  backward_weight<LayerRow>(device, call, whole_extents(call.in(1), call.out()));
}

}  // namespace

std::span<const KernelRow> norm_kernels() {
  static constexpr KernelRow rows[] = {
      {OpKind::rms_norm, rms_norm},
      {OpKind::rms_norm_backward_input, rms_norm_backward_input},
      {OpKind::rms_norm_backward_weight, rms_norm_backward_weight},
      {OpKind::layer_norm, layer_norm},
      {OpKind::layer_norm_backward_input, layer_norm_backward_input},
      {OpKind::layer_norm_backward_weight, layer_norm_backward_weight},
  };
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
