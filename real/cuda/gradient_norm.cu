// Whether gradients are numbers, how long they are together, and by how much they are shortened.
#include <cmath>

#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/partials.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// Counts threads that found one.
__global__ void count_nonfinite_kernel(std::int64_t count, Input<double> x,
                                       Global<std::int64_t> counts) {
  bool found = false;
  for (std::int64_t i = first_element(); i < count; i += grid_threads()) {
    const double value = x[i];
    found = found || value - value != 0.0;  // NaN of inf and NaN, else 0
  }
  add_to_partial(counts, found ? std::int64_t{1} : std::int64_t{0});
}

void nonfinite(Device& device, const KernelCall& call) {
  expect_scalar(call.out());
  const Global<std::int64_t> counts = cleared_partials<std::int64_t>(device, call);
  for (const TensorView& x : call.inputs)
    launch_partials(device, call, x.elements(), count_nonfinite_kernel, x.elements(),
                    Input<double>(x), counts);
  launch_blocks(device, call, 1, any_kernel<double>, counts, Output<double>(call.out()));
}

/// Of elements [begin, end).
__global__ void add_squares_kernel(std::int64_t begin, std::int64_t end, Input<double> x,
                                   Global<double> sums) {
  double sum = 0;
  for (std::int64_t i = begin + first_element(); i < end; i += grid_threads()) {
    const double value = x[i];
    sum += value * value;
  }
  add_to_partial(sums, sum);
}

__global__ void store_sum_kernel(Global<double> sums, Output<double> total) {
  const double sum = sum_of_partials(sums);
  if (threadIdx.x == 0) total.set(0, sum);
}

/// In fp64: tensor after tensor, range after range, each in the order of partials.hpp.
void sum_of_squares(Device& device, const KernelCall& call) {
  expect_scalar(call.out());
  SHARDPROOF_EXPECTS(call.attributes.ranges.size() == call.inputs.size(),
                     call.attributes.ranges.size(), call.inputs.size());
  const Global<double> sums = cleared_partials<double>(device, call);
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const std::int64_t count = call.in(i).elements();
    for (const auto& [begin, end] : call.attributes.ranges[i]) {
      SHARDPROOF_EXPECTS(0 <= begin && begin <= end && end <= count, begin, end, count);
      launch_partials(device, call, end - begin, add_squares_kernel, begin, end,
                      Input<double>(call.in(i)), sums);
    }
  }
  launch_blocks(device, call, 1, store_sum_kernel, sums, Output<double>(call.out()));
}

/// That of input i, one element, or null for 1.
Input<double> scalar_or_none(const KernelCall& call, std::size_t i) {
  if (!call.has_input(i)) return {};
  expect_scalar(call.in(i));
  return Input<double>(call.in(i));
}
__device__ double value_or_one(const Input<double>& scalar) {
  return scalar.is_null() ? 1.0 : scalar[0];
}

__global__ void square_root_kernel(std::int64_t count, Input<double> x, Input<double> loss_scale,
                                   Output<double> y) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads())
    y.set(i, std::sqrt(x[i]) / value_or_one(loss_scale));
}

void square_root(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  const std::int64_t count = call.out().elements();
  launch_elements(device, call, count, square_root_kernel, count, Input<double>(call.in(0)),
                  scalar_or_none(call, 1), Output<double>(call.out()));
}

/// 1 / (max((norm + 1e-6) / clip, 1) * loss_scale); clip 0 clips nothing.
__global__ void clip_factor_kernel(double clip, Input<double> norm, Input<double> loss_scale,
                                   Output<double> y) {
  if (first_element() != 0) return;
  const double excess = clip == 0 ? 1.0 : (norm[0] + 1e-6) / clip;
  // A NaN norm must give a NaN factor: no comparison with one is true.
  y.set(0, 1.0 / ((excess < 1.0 ? 1.0 : excess) * value_or_one(loss_scale)));
}

void clip_factor(Device& device, const KernelCall& call) {
  expect_scalar(call.in(0));
  expect_scalar(call.out());
  launch_blocks(device, call, 1, clip_factor_kernel, call.attributes.clip,
                Input<double>(call.in(0)), scalar_or_none(call, 1), Output<double>(call.out()));
}

}  // namespace

std::span<const KernelRow> gradient_norm_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::nonfinite, nonfinite},
                                       {OpKind::sum_of_squares, sum_of_squares},
                                       {OpKind::square_root, square_root},
                                       {OpKind::clip_factor, clip_factor}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
