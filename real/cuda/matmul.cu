// Products of two fp32 or two fp64 matrices are cuBLASLt's (products.hpp). With a 16-bit tensor
// among them they are those of the kernel below, without tensor cores: c[i][j] is the sum of
// a[i][l] b[l][j] in fp32, for ascending l, each term by one fused multiplication and addition, and
// is rounded once when it is stored. Products of 16-bit numbers are exact in fp32, so the sum of n
// terms is off by (n - 1) u S at most: Jeannerod & Rump 2013, doi:10.1137/120894488.
#include <cmath>

#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/launch.hpp"
#include "real/cuda/products.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// A block computes kTile x kTile elements of c, kTile terms at a time, each thread one column of
/// every kRowStep-th row.
constexpr int kTile = 32;
constexpr int kRowStep = kThreads / kTile;
constexpr int kPitch = kTile + 1;  // so that neither rows nor columns of a tile share one bank
using Tile = Shared<float, kTile * kPitch>;

/// The matrix that a Factor stands for.
struct Matrix {
  Input<float> data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t leading;
  bool transposed;

  Matrix(const Factor& x, std::int64_t r, std::int64_t c)
      : data(x.tensor), rows(r), columns(c), leading(x.leading), transposed(x.transposed) {}
};

/// Takes the part of x from (row, column) on; beyond the edges of x there are zeros. Neighbouring
/// threads read what lies side by side.
__device__ void load(const Matrix& x, std::int64_t row, std::int64_t column, Tile& tile) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kTile; i += kThreads) {
    const int r = x.transposed ? i % kTile : i / kTile;
    const int c = x.transposed ? i / kTile : i % kTile;
    const bool inside = row + r < x.rows && column + c < x.columns;
    const std::int64_t at =
        x.transposed ? (column + c) * x.leading + row + r : (row + r) * x.leading + column + c;
    tile[r * kPitch + c] = inside ? x.data[at] : 0.0F;
  }
}

__global__ void product_kernel(Matrix a, Matrix b, Output<float> c) {
  __shared__ Tile part_of_a;
  __shared__ Tile part_of_b;
  const int thread = static_cast<int>(threadIdx.x);
  const int first_row = thread / kTile, own_column = thread % kTile;
  const std::int64_t across = (b.columns + kTile - 1) / kTile;
  const std::int64_t tiles = (a.rows + kTile - 1) / kTile * across;
  for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const std::int64_t row = tile / across * kTile, column = tile % across * kTile;
    float sums[kTile / kRowStep] = {};
    for (std::int64_t l = 0; l < b.rows; l += kTile) {
      load(a, row, l, part_of_a);
      load(b, l, column, part_of_b);
      __syncthreads();
      const int terms = b.rows - l < kTile ? static_cast<int>(b.rows - l) : kTile;
      for (int t = 0; t < terms; ++t) {
        const float factor = part_of_b[t * kPitch + own_column];
        for (int i = 0; i < kTile / kRowStep; ++i) {
          const float own = part_of_a[(first_row + i * kRowStep) * kPitch + t];
          sums[i] = std::fma(own, factor, sums[i]);
        }
      }
      __syncthreads();  // before the next parts are loaded
    }
    for (int i = 0; i < kTile / kRowStep; ++i) {
      const std::int64_t r = row + first_row + i * kRowStep;
      if (r < a.rows && column + own_column < b.columns)
        c.set(r * b.columns + column + own_column, sums[i]);
    }
  }
}

/// Whether cuBLASLt multiplies these.
bool by_library(const Product& p) {
  const Dtype dtype = p.c.dtype;
  return (dtype == Dtype::fp32 || dtype == Dtype::fp64) && p.a.tensor.dtype == dtype &&
         p.b.tensor.dtype == dtype;
}

void multiply(Device& device, const KernelCall& call, const Product& p) {
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) return device.fill(p.c, std::byte{0}, call.stream);  // an empty sum is 0
  CudaDevice& gpu = on_gpu(device);
  if (by_library(p)) {
    gpu.products().multiply(p, gpu.workspace(call.stream), gpu.handle(call.stream));
    return gpu.enqueued(call.tag, cudaSuccess);
  }
  SHARDPROOF_EXPECTS(p.c.dtype != Dtype::fp64, p.text(), name_of(p.a.tensor.dtype),
                     name_of(p.b.tensor.dtype));
  const std::int64_t tiles = (p.m + kTile - 1) / kTile * ((p.n + kTile - 1) / kTile);
  launch_blocks(device, call, tiles, product_kernel, Matrix(p.a, p.m, p.k), Matrix(p.b, p.k, p.n),
                Output<float>(p.c));
}

/// The weight as the matrix (I, O), or its transpose, without moving it.
Factor weight_matrix(const MatmulExtents& e, const TensorView& weight, WeightLayout layout,
                     bool transposed) {
  if (layout == WeightLayout::out_in) return {weight, e.I, !transposed};
  return {weight, e.O, transposed};
}

void matmul(Device& device, const KernelCall& call) {
  const TensorView &x = call.in(0), &weight = call.in(1), &y = call.out();
  const WeightLayout layout = call.attributes.weight_layout;
  const MatmulExtents e(x, weight, y, layout);
  multiply(device, call,
           {e.rows, e.O, e.I, {x, e.I, false}, weight_matrix(e, weight, layout, false), y});
}

void matmul_backward_input(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &weight = call.in(1), &dx = call.out();
  const WeightLayout layout = call.attributes.weight_layout;
  const MatmulExtents e(dx, weight, dy, layout);
  multiply(device, call,
           {e.rows, e.I, e.O, {dy, e.O, false}, weight_matrix(e, weight, layout, true), dx});
}

void matmul_backward_weight(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &x = call.in(1), &dweight = call.out();
  const WeightLayout layout = call.attributes.weight_layout;
  const MatmulExtents e(x, dweight, dy, layout);
  if (layout == WeightLayout::out_in)
    multiply(device, call, {e.O, e.I, e.rows, {dy, e.O, true}, {x, e.I, false}, dweight});
  else
    multiply(device, call, {e.I, e.O, e.rows, {x, e.I, true}, {dy, e.O, false}, dweight});
}

}  // namespace

std::span<const KernelRow> matmul_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::matmul, matmul},
                                       {OpKind::matmul_backward_input, matmul_backward_input},
                                       {OpKind::matmul_backward_weight, matmul_backward_weight}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
