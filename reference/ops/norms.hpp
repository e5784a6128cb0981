#pragma once

#include <cmath>

#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/tensor.hpp"

namespace shardproof::reference {

/// (mean(x^2) + eps)^(-1/2) of row `row`, a row being `width` elements: Zhang & Sennrich 2019,
/// arXiv:1910.07467, eq. 4, with eps.
template <class Scalar>
Scalar reciprocal_rms(const TensorOf<Scalar>& x, std::int64_t row, std::int64_t width, double eps) {
  using std::sqrt;
  CompensatedSum<Scalar> squares;
  for (std::int64_t c = 0; c < width; ++c) squares += x[row * width + c] * x[row * width + c];
  return Scalar(1) / sqrt(squares.value() / Scalar(static_cast<double>(width)) + Scalar(eps));
}

/// x (..., C), weight (C): y = x * reciprocal_rms(x) * (offset + weight). A narrower weight, whose
/// width divides C, norms each of the C / width heads by itself.
template <class Scalar>
TensorOf<Scalar> rms_norm(const TensorOf<Scalar>& x, const TensorOf<Scalar>& weight, double eps,
                          double offset = 0) {
  const std::int64_t width = weight.size();
  SHARDPROOF_EXPECTS(width > 0 && x.columns() % width == 0, width, x.columns());
  TensorOf<Scalar> y(x.shape);
  for (std::int64_t row = 0; row < x.size() / width; ++row) {
    const Scalar r = reciprocal_rms(x, row, width, eps);
    for (std::int64_t c = 0; c < width; ++c)
      y[row * width + c] = x[row * width + c] * r * (Scalar(offset) + weight[c]);
  }
  return y;
}

/// Mean of a row and (mean((x - mean)^2) + eps)^(-1/2): Ba et al. 2016, arXiv:1607.06450, eq. 3.
template <class Scalar>
struct LayerMoments {
  Scalar mean = 0;
  Scalar r = 0;
};
template <class Scalar>
LayerMoments<Scalar> layer_moments(const TensorOf<Scalar>& x, std::int64_t row, double eps) {
  using std::sqrt;
  const std::int64_t width = x.columns();
  const Scalar count(static_cast<double>(width));
  LayerMoments<Scalar> moments;
  CompensatedSum<Scalar> mean, variance;
  for (std::int64_t c = 0; c < width; ++c) mean += x[row * width + c] / count;
  moments.mean = mean.value();
  for (std::int64_t c = 0; c < width; ++c) {
    const Scalar centred = x[row * width + c] - moments.mean;
    variance += centred * centred / count;
  }
  moments.r = Scalar(1) / sqrt(variance.value() + Scalar(eps));
  return moments;
}

/// x (..., C), weight and bias (C): y = (x - mean) * r * weight + bias.
template <class Scalar>
TensorOf<Scalar> layer_norm(const TensorOf<Scalar>& x, const TensorOf<Scalar>& weight,
                            const TensorOf<Scalar>& bias, double eps) {
  const std::int64_t width = x.columns();
  SHARDPROOF_EXPECTS(weight.size() == width && bias.size() == width, weight.size(), bias.size(),
                     width);
  TensorOf<Scalar> y(x.shape);
  for (std::int64_t row = 0; row < x.rows(); ++row) {
    const LayerMoments<Scalar> moments = layer_moments(x, row, eps);
    for (std::int64_t c = 0; c < width; ++c)
      y[row * width + c] = (x[row * width + c] - moments.mean) * moments.r * weight[c] + bias[c];
  }
  return y;
}

}  // namespace shardproof::reference
