// Losses, a block for each row of logits at a time. Cross-entropy:
//
//   m = max z, l = sum exp(z - m), lse = m + log l, loss of a row = lse - z[label]
//   dz = c * (exp(z - m) / l - onehot), c = grad_scale / valid rows in fp64, rounded once, times
//   the loss scale
//
// l is the sum over the threads, each with every kThreads-th class, of block_sum. The losses of the
// rows that one block sees are added from first to last, then the blocks' sums by one block.
// Without a row that counts the mean is NaN, as in PyTorch. The shape of lse: Blanchard, Higham &
// Higham 2021, doi:10.1093/imanum/draa038.
//
// Squared error: loss of a row = sum (z - onehot)^2 / 2, dz = c * (z - onehot), c as above. Each
// thread adds the squares of every kThreads-th class of all rows that its block sees, then the
// block adds its threads'.
#include <cmath>

#include "real/cuda/functions.hpp"
#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/launch.hpp"
#include "real/cuda/workspace.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// The largest logit of a row and the sum of the exponentials of the distances from it: what all
/// threads of a block get if they ask for the same row.
template <class C>
struct Softmax {
  C largest = -INFINITY;
  C sum = 0;

  __device__ Softmax(const Input<C>& logits, std::int64_t begin, std::int64_t V) {
    for (std::int64_t j = threadIdx.x; j < V; j += kThreads)
      largest = larger(logits[begin + j], largest);
    largest = block_max(largest);
    for (std::int64_t j = threadIdx.x; j < V; j += kThreads)
      sum += exp_of(logits[begin + j] - largest);
    sum = block_sum(sum);
  }
  __device__ C prediction(C z) const { return exp_of(z - largest) / sum; }
};

/// What is predicted where the logits themselves are held against one-hot.
template <class C>
struct PlainLogits {
  __device__ PlainLogits(const Input<C>&, std::int64_t, std::int64_t) {}
  __device__ C prediction(C z) const { return z; }
};

/// Whether a row has a label. One that is no class is told; what is below 0 counts for nothing.
__device__ inline bool counts(std::int64_t label, std::int64_t V, const ErrorWord& errors) {
  if (label < V) return label >= 0;
  if (threadIdx.x == 0) errors.tell(KernelError::Code::label, label, V);
  return false;
}

/// The number and the losses of the rows of each block.
template <class C>
__global__ void row_losses_kernel(LossExtents e, Input<C> logits, Global<const std::int64_t> labels,
                                  Global<C> sums, Global<std::int64_t> valid, ErrorWord errors) {
  C sum = 0;
  std::int64_t rows = 0;
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const std::int64_t label = labels[row];
    if (!counts(label, e.V, errors)) continue;
    const Softmax<C> softmax(logits, row * e.V, e.V);
    sum += (softmax.largest + log_of(softmax.sum)) - logits[row * e.V + label];
    ++rows;
  }
  if (threadIdx.x != 0) return;
  sums[blockIdx.x] = sum;
  valid[blockIdx.x] = rows;
}

/// The number of the rows of each block, and the sum of their squares.
template <class C>
__global__ void row_squares_kernel(LossExtents e, Input<C> logits,
                                   Global<const std::int64_t> labels, Global<C> sums,
                                   Global<std::int64_t> valid, ErrorWord errors) {
  C sum = 0;
  std::int64_t rows = 0;
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const std::int64_t label = labels[row];
    if (!counts(label, e.V, errors)) continue;
    for (std::int64_t j = threadIdx.x; j < e.V; j += kThreads) {
      const C z = logits[row * e.V + j], distance = j == label ? z - C{1} : z;
      sum += distance * distance;
    }
    ++rows;
  }
  sum = block_sum(sum);
  if (threadIdx.x != 0) return;
  sums[blockIdx.x] = sum;
  valid[blockIdx.x] = rows;
}

/// The sum of the blocks' over `parts` times as many as the rows that count.
template <class C>
__global__ void mean_loss_kernel(std::int64_t blocks, Global<C> sums, Global<std::int64_t> valid,
                                 C parts, Output<C> loss) {
  C sum = 0;
  std::int64_t rows = 0;
  for (std::int64_t i = threadIdx.x; i < blocks; i += kThreads) {
    sum += static_cast<C>(sums[i]);
    rows += static_cast<std::int64_t>(valid[i]);
  }
  sum = block_sum(sum);
  rows = block_sum(rows);
  if (threadIdx.x == 0) loss.set(0, sum / (parts * static_cast<C>(rows)));
}

/// By a kernel that adds what the rows of a block lose.
template <class C, class Kernel>
void mean_loss(Device& device, const KernelCall& call, Kernel kernel, C parts) {
  const LossExtents e(call.in(0), call.in(1));
  const std::int64_t blocks = std::min(e.rows, kMostBlocks);
  Workspace workspace(device, call);
  const auto sums = workspace.take<C>(blocks);
  const auto valid = workspace.take<std::int64_t>(blocks);
  launch_rows(device, call, e.rows, kernel, e, Input<C>(call.in(0)), integers(call.in(1)), sums,
              valid, on_gpu(device).error_word(call.tag));
  launch_blocks(device, call, 1, mean_loss_kernel<C>, blocks, sums, valid, parts,
                Output<C>(call.out()));
}

void cross_entropy(Device& device, const KernelCall& call) {
  expect_scalar(call.out());
  in_compute_type_of(call.in(0), [&]<class C>(C) {
    mean_loss<C>(device, call, row_losses_kernel<C>, C{1});
  });
}
void squared_error(Device& device, const KernelCall& call) {
  expect_scalar(call.out());
  in_compute_type_of(call.in(0), [&]<class C>(C) {
    mean_loss<C>(device, call, row_squares_kernel<C>, C{2});
  });
}

/// By one block.
__global__ void count_valid_kernel(std::int64_t rows, Global<const std::int64_t> labels,
                                   Global<std::int64_t> valid) {
  std::int64_t count = 0;
  for (std::int64_t i = threadIdx.x; i < rows; i += kThreads) {
    const std::int64_t label = labels[i];
    if (label >= 0) ++count;
  }
  count = block_sum(count);
  if (threadIdx.x == 0) valid[0] = count;
}

template <class C, class Row>
__global__ void logit_gradients_kernel(LossExtents e, Input<C> logits,
                                       Global<const std::int64_t> labels,
                                       Global<std::int64_t> valid, double grad_scale,
                                       Input<C> loss_scale, Output<C> dlogits, ErrorWord errors) {
  const std::int64_t rows = valid[0];
  C coefficient = static_cast<C>(grad_scale / static_cast<double>(rows));
  if (!loss_scale.is_null()) coefficient *= loss_scale[0];
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    const std::int64_t label = labels[row], begin = row * e.V;
    if (!counts(label, e.V, errors)) {
      for (std::int64_t j = threadIdx.x; j < e.V; j += kThreads) dlogits.set(begin + j, C{0});
      continue;
    }
    const Row of_row(logits, begin, e.V);
    for (std::int64_t j = threadIdx.x; j < e.V; j += kThreads) {
      const C p = of_row.prediction(logits[begin + j]);
      dlogits.set(begin + j, coefficient * (j == label ? p - C{1} : p));
    }
  }
}

template <template <class> class Row>
void gradient(Device& device, const KernelCall& call) {
  const TensorView &logits = call.in(0), &dlogits = call.out();
  const LossExtents e(logits, call.in(1));
  expect_same_count(logits, dlogits);
  if (call.has_input(2)) expect_scalar(call.in(2));
  const auto labels = integers(call.in(1));
  in_compute_type_of(dlogits, [&]<class C>(C) {
    const auto valid = Workspace(device, call).take<std::int64_t>(1);
    launch_blocks(device, call, 1, count_valid_kernel, e.rows, labels, valid);
    launch_rows(device, call, e.rows, logit_gradients_kernel<C, Row<C>>, e, Input<C>(logits),
                labels, valid, call.attributes.grad_scale,
                call.has_input(2) ? Input<C>(call.in(2)) : Input<C>(), Output<C>(dlogits),
                on_gpu(device).error_word(call.tag));
  });
}

}  // namespace

std::span<const KernelRow> loss_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::cross_entropy, cross_entropy},
                                       {OpKind::cross_entropy_backward, gradient<Softmax>},
                                       {OpKind::squared_error, squared_error},
                                       {OpKind::squared_error_backward, gradient<PlainLogits>}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
