#include <cmath>
#include <numbers>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {
/// z = k x (1 + c x^2) and dz/dx = k + k3 x^2, each constant rounded once to C.
template <class C>
struct TanhArgument {
  C k;
  C k3;
  C c = static_cast<C>(0.044715);

  explicit TanhArgument(GeluForm form) {
    const double root = std::sqrt(2.0 / std::numbers::pi);
    const bool bloom = form == GeluForm::tanh_bloom;
    k = static_cast<C>(bloom ? 0.79788456 : root);
    k3 = static_cast<C>(bloom ? 0.1070322243 : 3 * 0.044715 * root);
  }
  C z(C x) const { return k * x * (C{1} + c * x * x); }
  C slope(C x) const { return k + k3 * x * x; }
};

template <class C>
C normal_cdf_times_two(C x) {
  return C{1} + std::erf(x * static_cast<C>(1 / std::numbers::sqrt2));
}

template <class C>
C tanh_slope(const TanhArgument<C>& argument, C x) {
  const C t = std::tanh(argument.z(x));
  const C falloff = C{1} - t * t;
  // Where the tanh is 1 in C, x^2 may overflow, and 0 times infinity would be no number.
  const C bend = falloff == C{0} ? C{0} : x / C{2} * falloff * argument.slope(x);
  return (C{1} + t) / C{2} + bend;
}

template <class C>
C erf_slope(C x) {
  const auto density_at_zero = static_cast<C>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  return normal_cdf_times_two(x) / C{2} + x * (std::exp(-(x * x) / C{2}) * density_at_zero);
}
/// erf: y = (x/2) * (1 + erf(x * (1/sqrt 2))).
/// tanh: y = (x/2) * (1 + tanh(k * x * (1 + c x^2))), the constants as scenarios/op_forms.hpp says.
template <class C>
void gelu(GeluForm form, std::int64_t count, const C* x, C* y) {
  if (form == GeluForm::erf) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] / C{2} * normal_cdf_times_two(x[i]);
    return;
  }
  const TanhArgument<C> argument(form);
  for (std::int64_t i = 0; i < count; ++i)
    y[i] = x[i] / C{2} * (C{1} + std::tanh(argument.z(x[i])));
}

void gelu(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  in_compute_type(device, call, [&](auto& o) {
    gelu(call.attributes.gelu, call.out().elements(), o.in(0), o.out());
  });
}

/// erf: dx = dy * ((1 + erf(x / sqrt 2)) / 2 + x * exp(-x^2 / 2) / sqrt(2 pi)).
/// tanh, with t the tanh: dx = dy * ((1 + t) / 2 + (x/2) * (1 - t^2) * (k + k3 x^2)), k3 = 3 c k.
template <class C>
void gelu_backward(GeluForm form, std::int64_t count, const C* dy, const C* x, C* dx) {
  if (form == GeluForm::erf) {
    for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * erf_slope(x[i]);
    return;
  }
  const TanhArgument<C> argument(form);
  for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * tanh_slope(argument, x[i]);
}

void gelu_backward(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.in(1));
  expect_same_count(call.out(), call.in(1));
  in_compute_type(device, call, [&](auto& o) {
    gelu_backward(call.attributes.gelu, call.out().elements(), o.in(0), o.in(1), o.out());
  });
}

}  // namespace

std::span<const KernelRow> gelu_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::gelu, gelu},
                                       {OpKind::gelu_backward, gelu_backward}};
  return rows;
}

}  // namespace shardproof::real::cpu
