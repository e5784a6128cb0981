#include "reference/ops/batch_groups.hpp"
#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/derivatives.hpp"
#include "reference/ops/norms.hpp"

namespace shardproof::reference {

Tensor rms_norm_vjp_input(const Tensor& dy, const Tensor& x, const Tensor& weight, double eps,
                          double offset) {
  const std::int64_t width = weight.size();
  SHARDPROOF_EXPECTS(dy.shape == x.shape && width > 0 && x.columns() % width == 0,
                     to_string(dy.shape), to_string(x.shape), width);
  Tensor dx(x.shape);
  for (std::int64_t row = 0; row < x.size() / width; ++row) {
    // y_c = x_c r w_c, the offset in w_c, with r = (sum x^2 / C + eps)^(-1/2),
    // so dr/dx_c = -r^3 x_c / C.
    const double r = reciprocal_rms(x, row, width, eps);
    CompensatedSum<double> dr;
    for (std::int64_t c = 0; c < width; ++c)
      dr += dy[row * width + c] * (offset + weight[c]) * x[row * width + c];
    const double slope = -r * r * r / static_cast<double>(width) * dr.value();
    for (std::int64_t c = 0; c < width; ++c)
      dx[row * width + c] =
          dy[row * width + c] * (offset + weight[c]) * r + slope * x[row * width + c];
  }
  return dx;
}

Tensor rms_norm_vjp_weight(const Tensor& dy, const Tensor& x, double eps, std::int64_t groups,
                           std::int64_t weight_width) {
  const std::int64_t width = weight_width > 0 ? weight_width : x.columns();
  SHARDPROOF_EXPECTS(dy.shape == x.shape && x.columns() % width == 0, to_string(dy.shape),
                     to_string(x.shape), width);
  const std::int64_t rows = x.size() / width;
  const GroupOfRow group(rows, groups);
  CompensatedSums dweight({groups, width});
  for (std::int64_t row = 0; row < rows; ++row) {
    const double r = reciprocal_rms(x, row, width, eps);
    for (std::int64_t c = 0; c < width; ++c)
      dweight[group(row) * width + c] += dy[row * width + c] * x[row * width + c] * r;
  }
  return dweight.values();
}

Tensor layer_norm_vjp_input(const Tensor& dy, const Tensor& x, const Tensor& weight, double eps) {
  SHARDPROOF_EXPECTS(dy.shape == x.shape && weight.size() == x.columns(), to_string(dy.shape),
                     to_string(x.shape), weight.size());
  const std::int64_t width = x.columns();
  const auto count = static_cast<double>(width);
  Tensor dx(x.shape);
  for (std::int64_t row = 0; row < x.rows(); ++row) {
    // With d_c = x_c - mean, y_c = d_c r w_c + b_c, r = (sum d^2 / C + eps)^(-1/2): the gradient
    // with respect to d_c is g_c r - r^3 d_c / C sum(g d), and d_c takes its mean off.
    const auto [mean, r] = layer_moments(x, row, eps);
    CompensatedSum<double> dr;
    for (std::int64_t c = 0; c < width; ++c)
      dr += dy[row * width + c] * weight[c] * (x[row * width + c] - mean);
    const double slope = -r * r * r / count * dr.value();
    CompensatedSum<double> mean_gradient;
    for (std::int64_t c = 0; c < width; ++c) {
      double& gradient = dx[row * width + c];
      gradient = dy[row * width + c] * weight[c] * r + slope * (x[row * width + c] - mean);
      mean_gradient += gradient / count;
    }
    for (std::int64_t c = 0; c < width; ++c) dx[row * width + c] += -mean_gradient.value();
  }
  return dx;
}

Tensor layer_norm_vjp_weight(const Tensor& dy, const Tensor& x, double eps, std::int64_t groups) {
  SHARDPROOF_EXPECTS(dy.shape == x.shape, to_string(dy.shape), to_string(x.shape));
  const std::int64_t width = x.columns();
  const GroupOfRow group(x.rows(), groups);
  CompensatedSums dweight({groups, width});
  for (std::int64_t row = 0; row < x.rows(); ++row) {
    const auto [mean, r] = layer_moments(x, row, eps);
    for (std::int64_t c = 0; c < width; ++c)
      dweight[group(row) * width + c] += dy[row * width + c] * (x[row * width + c] - mean) * r;
  }
  return dweight.values();
}

}  // namespace shardproof::reference
