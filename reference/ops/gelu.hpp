#pragma once

#include <cmath>
#include <numbers>

#include "reference/ops/tensor.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::reference {

/// sqrt(2/pi), or as BLOOM writes it.
inline double gelu_frequency(GeluForm form) {
  return form == GeluForm::tanh_bloom ? 0.79788456 : std::sqrt(2 / std::numbers::pi);
}

/// The argument of the tanh, k (x + 0.044715 x^3).
template <class Scalar>
Scalar gelu_argument(GeluForm form, const Scalar& x) {
  return Scalar(gelu_frequency(form)) * (x + Scalar(0.044715) * x * x * x);
}

/// x Phi(x), Phi the normal distribution function or its approximation by tanh: Hendrycks & Gimpel
/// 2016, arXiv:1606.08415, section 2.
template <class Scalar>
TensorOf<Scalar> gelu(const TensorOf<Scalar>& x, GeluForm form) {
  using std::erf;
  using std::tanh;
  TensorOf<Scalar> y(x.shape);
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const Scalar t = form == GeluForm::erf ? erf(x[i] / Scalar(std::numbers::sqrt2))
                                           : tanh(gelu_argument(form, x[i]));
    y[i] = Scalar(0.5) * x[i] * (Scalar(1) + t);
  }
  return y;
}

}  // namespace shardproof::reference
