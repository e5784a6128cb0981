#include "reference/ops/derivatives.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "reference/ops/batch_groups.hpp"
#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/ops.hpp"

namespace shardproof::reference {

namespace {

// The rows of each token together, in their order.
std::vector<std::int64_t> rows_by_token(const Tokens& tokens) {
  std::vector<std::int64_t> rows(tokens.values.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::ranges::stable_sort(rows, {}, [&](std::int64_t row) { return tokens[row]; });
  return rows;
}

}  // namespace

// The sums of one row of the weight at a time: those of all would take three times its room.
Tensor embedding_vjp_weight(const Tensor& dy, const Tokens& tokens, std::int64_t vocabulary,
                            std::int64_t groups, std::optional<std::int64_t> padding) {
  const std::int64_t width = dy.columns();
  const GroupOfRow group(dy.rows(), groups);
  Tensor dweight({groups, vocabulary, width});
  const std::vector<std::int64_t> rows = rows_by_token(tokens);
  for (auto begin = rows.begin(); begin != rows.end();) {
    const std::int64_t token = tokens[*begin];
    SHARDPROOF_EXPECTS(0 <= token && token < vocabulary, token, vocabulary);
    const auto of = [&](std::int64_t row) { return std::pair(tokens[row], group(row)); };
    const auto end =
        std::find_if(begin, rows.end(), [&](std::int64_t row) { return of(row) != of(*begin); });
    const std::int64_t target = (group(*begin) * vocabulary + token) * width;
    for (std::int64_t c = 0; token != padding && c < width; ++c) {
      CompensatedSum<double> sum;
      for (auto row = begin; row != end; ++row) sum += dy[*row * width + c];
      dweight[target + c] = sum.value();
    }
    begin = end;
  }
  return dweight;
}

Tensor bias_vjp(const Tensor& dy, std::int64_t groups) {
  const std::int64_t width = dy.columns();
  const GroupOfRow group(dy.rows(), groups);
  CompensatedSums dbias({groups, width});
  for (std::int64_t row = 0; row < dy.rows(); ++row)
    for (std::int64_t c = 0; c < width; ++c) dbias[group(row) * width + c] += dy[row * width + c];
  return dbias.values();
}

SwigluGradients swiglu_vjp(const Tensor& dy, const Tensor& gate, const Tensor& up) {
  SHARDPROOF_EXPECTS(dy.shape == gate.shape && up.shape == gate.shape, to_string(dy.shape),
                     to_string(gate.shape), to_string(up.shape));
  SwigluGradients gradients{Tensor(gate.shape), Tensor(up.shape)};
  for (std::int64_t i = 0; i < dy.size(); ++i) {
    // 1 - sigmoid(g) is computed as sigmoid(-g): no cancellation for large g.
    const double s = sigmoid(gate[i]);
    gradients.gate[i] = dy[i] * up[i] * s * (1 + gate[i] * sigmoid(-gate[i]));
    gradients.up[i] = dy[i] * gate[i] * s;
  }
  return gradients;
}

namespace {

double gelu_slope_tanh(GeluForm form, double x) {
  const double k = gelu_frequency(form);
  // BLOOM writes this gradient out, with 3 * 0.044715 k rounded to ten digits.
  const double cubic = form == GeluForm::tanh_bloom ? 0.1070322243 : 3 * 0.044715 * k;
  const double z = gelu_argument(form, x), cosh = std::cosh(z);
  const double bend = x / 2 * (k + cubic * x * x) / cosh / cosh;
  return (1 + std::tanh(z)) / 2 + bend;
}

double gelu_slope_erf(double x) {
  const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
  return (1 + std::erf(x / std::numbers::sqrt2)) / 2 + x * density;
}

}  // namespace

Tensor gelu_vjp(const Tensor& dy, const Tensor& x, GeluForm form) {
  SHARDPROOF_EXPECTS(dy.shape == x.shape, to_string(dy.shape), to_string(x.shape));
  Tensor dx(x.shape);
  for (std::int64_t i = 0; i < x.size(); ++i)
    dx[i] = dy[i] * (form == GeluForm::erf ? gelu_slope_erf(x[i]) : gelu_slope_tanh(form, x[i]));
  return dx;
}

Tensor relu_vjp(const Tensor& dy, const Tensor& x) {
  SHARDPROOF_EXPECTS(dy.shape == x.shape, to_string(dy.shape), to_string(x.shape));
  Tensor dx(x.shape);
  for (std::int64_t i = 0; i < x.size(); ++i) dx[i] = x[i] <= 0 ? 0 : dy[i];
  return dx;
}

// 1 - sigmoid(x) = sigmoid(-x), where the difference cancels.
Tensor sigmoid_vjp(const Tensor& dy, const Tensor& x) {
  SHARDPROOF_EXPECTS(dy.shape == x.shape, to_string(dy.shape), to_string(x.shape));
  Tensor dx(x.shape);
  for (std::int64_t i = 0; i < x.size(); ++i) dx[i] = dy[i] * sigmoid(x[i]) * sigmoid(-x[i]);
  return dx;
}

Tensor soft_cap_vjp(const Tensor& dy, const Tensor& x, double cap) {
  SHARDPROOF_EXPECTS(dy.shape == x.shape, to_string(dy.shape), to_string(x.shape));
  Tensor dx(x.shape);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double cosh = std::cosh(x[i] / cap);
    dx[i] = dy[i] / cosh / cosh;
  }
  return dx;
}

Tensor cross_entropy_vjp(const Tensor& dloss, const Tensor& logits, const Tokens& labels) {
  SHARDPROOF_EXPECTS(logits.rows() == labels.size(), logits.rows(), labels.size());
  const std::int64_t width = logits.columns();
  const GroupOfRow group(logits.rows(), dloss.size());
  Tensor dlogits(logits.shape);
  for (std::int64_t row = 0; row < logits.rows(); ++row) {
    if (labels[row] < 0) continue;
    const auto valid = static_cast<double>(valid_labels(labels, group(row), dloss.size()));
    const double factor = dloss[group(row)] / valid;
    const double normalizer = log_sum_exp(logits, row);
    for (std::int64_t c = 0; c < width; ++c) {
      const double indicator = c == labels[row] ? 1.0 : 0.0;
      dlogits[row * width + c] =
          factor * (std::exp(logits[row * width + c] - normalizer) - indicator);
    }
  }
  return dlogits;
}

Tensor squared_error_vjp(const Tensor& dloss, const Tensor& logits, const Tokens& labels) {
  SHARDPROOF_EXPECTS(logits.rows() == labels.size(), logits.rows(), labels.size());
  const std::int64_t width = logits.columns();
  const GroupOfRow group(logits.rows(), dloss.size());
  Tensor dlogits(logits.shape);
  for (std::int64_t row = 0; row < logits.rows(); ++row) {
    if (labels[row] < 0) continue;
    const auto valid = static_cast<double>(valid_labels(labels, group(row), dloss.size()));
    for (std::int64_t c = 0; c < width; ++c) {
      const double off = logits[row * width + c] - (c == labels[row] ? 1.0 : 0.0);
      dlogits[row * width + c] = dloss[group(row)] / valid * off;
    }
  }
  return dlogits;
}

}  // namespace shardproof::reference
