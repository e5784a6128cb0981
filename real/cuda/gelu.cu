// The Gaussian error linear unit, element by element. In fp64 the library's functions err within
// what docs/bounds.md allows: exp 1 ulp, tanh and erf 2 (CUDA C++ Programming Guide, "Mathematical
// Functions"), an ulp being at most 2u. In fp32: functions.hpp.
#include <cmath>
#include <numbers>

#include "real/cuda/elementwise.hpp"
#include "real/cuda/functions.hpp"
#include "real/cuda/kernel_lists.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

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
  __device__ C z(C x) const { return k * x * (C{1} + c * x * x); }
  __device__ C slope(C x) const { return k + k3 * x * x; }
};

template <class C>
__device__ C normal_cdf_times_two(C x) {
  constexpr double reciprocal_root = 1 / std::numbers::sqrt2;
  return C{1} + erf_of(x * static_cast<C>(reciprocal_root));
}

/// y = (x/2) * (1 + erf(x * (1/sqrt 2))).
template <class C>
struct ErfGelu {
  __device__ C operator()(C x) const { return x / C{2} * normal_cdf_times_two(x); }
};

/// y = (x/2) * (1 + tanh(k * x * (1 + c x^2))), the constants as scenarios/op_forms.hpp says.
template <class C>
struct TanhGelu {
  TanhArgument<C> argument;
  __device__ C operator()(C x) const { return x / C{2} * (C{1} + tanh_of(argument.z(x))); }
};

void gelu(Device& device, const KernelCall& call) {
  const GeluForm form = call.attributes.gelu;
  in_compute_type_of(call.out(), [&]<class C>(C) {
    if (form == GeluForm::erf)
      elementwise<1>(device, call, ErfGelu<C>{});
    else
      elementwise<1>(device, call, TanhGelu<C>{TanhArgument<C>(form)});
  });
}

/// dx = dy * ((1 + erf(x / sqrt 2)) / 2 + x * exp(-x^2 / 2) / sqrt(2 pi)).
template <class C>
struct ErfGeluSlope {
  __device__ C operator()(C dy, C x) const {
    constexpr double density_at_zero = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    return dy * (normal_cdf_times_two(x) / C{2} +
                 x * (exp_of(-(x * x) / C{2}) * static_cast<C>(density_at_zero)));
  }
};

/// With t the tanh: dx = dy * ((1 + t) / 2 + (x/2) * (1 - t^2) * (k + k3 x^2)), k3 = 3 c k.
template <class C>
struct TanhGeluSlope {
  TanhArgument<C> argument;
  __device__ C operator()(C dy, C x) const {
    const C t = tanh_of(argument.z(x));
    const C falloff = C{1} - t * t;
    // Where the tanh is 1 in C, x^2 may overflow, and 0 times infinity would be no number.
    const C bend = falloff == C{0} ? C{0} : x / C{2} * falloff * argument.slope(x);
    return dy * ((C{1} + t) / C{2} + bend);
  }
};

void gelu_backward(Device& device, const KernelCall& call) {
  const GeluForm form = call.attributes.gelu;
  in_compute_type_of(call.out(), [&]<class C>(C) {
    if (form == GeluForm::erf)
      elementwise<2>(device, call, ErfGeluSlope<C>{});
    else
      elementwise<2>(device, call, TanhGeluSlope<C>{TanhArgument<C>(form)});
  });
}

}  // namespace

std::span<const KernelRow> gelu_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::gelu, gelu},
                                       {OpKind::gelu_backward, gelu_backward}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
