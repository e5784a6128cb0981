// Whether gradients are numbers, how long they are together, and by how much they are shortened.
#include <algorithm>
#include <cmath>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

void nonfinite(Device& device, const KernelCall& call) {
  bool found = false;
  for (std::size_t i = 0; i < call.inputs.size(); ++i)
    in_compute_type_of(call.in(i), device, call, [&]<class C>(Operands<C>& o) {
      const C* x = o.in(i);
      found = found || std::any_of(x, x + call.in(i).elements(),
                                   [](C value) { return !std::isfinite(value); });
    });
  set_scalar(call.out(), found ? 1.0 : 0.0);
}

/// In fp64: tensor after tensor, range after range, from first to last.
void sum_of_squares(Device& device, const KernelCall& call) {
  SHARDPROOF_EXPECTS(call.attributes.ranges.size() == call.inputs.size(),
                     call.attributes.ranges.size(), call.inputs.size());
  double sum = 0;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const Input<double> x(on_cpu(device).scratch(), call.in(i));
    const std::int64_t count = call.in(i).elements();
    for (const auto& [begin, end] : call.attributes.ranges[i]) {
      SHARDPROOF_EXPECTS(0 <= begin && begin <= end && end <= count, begin, end, count);
      for (std::int64_t k = begin; k < end; ++k) sum += x.data()[k] * x.data()[k];
    }
  }
  set_scalar(call.out(), sum);
}

void square_root(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  const double scale = scalar_or_one(call, 1);
  Operands<double> o(device, call);
  for (std::int64_t i = 0; i < call.out().elements(); ++i)
    o.out()[i] = std::sqrt(o.in(0)[i]) / scale;
  o.store();
}

/// 1 / (max((norm + 1e-6) / clip, 1) * loss_scale); clip 0 clips nothing.
double clip_factor(double norm, double clip, double loss_scale) {
  // A NaN norm must give a NaN factor: std::max(x, 1.0) returns its first argument then.
  const double excess = clip == 0 ? 1.0 : std::max((norm + 1e-6) / clip, 1.0);
  return 1.0 / (excess * loss_scale);
}

void clip_factor(Device&, const KernelCall& call) {
  set_scalar(call.out(),
             clip_factor(scalar_of(call.in(0)), call.attributes.clip, scalar_or_one(call, 1)));
}

}  // namespace

std::span<const KernelRow> gradient_norm_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::nonfinite, nonfinite},
                                       {OpKind::sum_of_squares, sum_of_squares},
                                       {OpKind::square_root, square_root},
                                       {OpKind::clip_factor, clip_factor}};
  return rows;
}

}  // namespace shardproof::real::cpu
