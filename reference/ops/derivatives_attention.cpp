#include <cmath>
#include <utility>

#include "reference/ops/attention.hpp"
#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/derivatives.hpp"
#include "reference/ops/rotary.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

Tensor rotary_vjp(const Tensor& dy, const Tensor& cos, const Tensor& sin, const RotaryForm& form) {
  Tensor dx = dy;
  RotaryShape(dy.shape, cos, form)
      .for_each_pair(dy.rows(), [&](std::int64_t first, std::int64_t second, std::int64_t angle) {
        dx[first] = dy[first] * cos[angle] + dy[second] * sin[angle];
        dx[second] = dy[second] * cos[angle] - dy[first] * sin[angle];
      });
  return dx;
}

namespace {

/// The slope of a capped score at the bare one, scale q.k; 1 without a cap.
double slope_of_cap(const Tensor& q, const Tensor& k, const AttentionShape& shape,
                    std::int64_t query, std::int64_t key) {
  if (shape.form.cap == 0) return 1;
  CompensatedSum<double> score;
  for (std::int64_t d = 0; d < shape.head_dim; ++d) score += q[query + d] * k[key + d];
  const double cosh = std::cosh(score.value() * shape.scale() / shape.form.cap);
  return 1 / cosh / cosh;
}

/// Keys and values are read by many queries.
struct Gradients {
  Tensor q;
  CompensatedSums k, v;
};

/// What one query contributes to the gradients.
void add_query(const Tensor& dout, const Tensor& q, const Tensor& k, const Tensor& v,
               const AttentionShape& shape, std::int64_t b, std::int64_t t, std::int64_t head,
               const Tensor* slopes, Gradients& gradients) {
  const AttentionRow<double> row = attention_row(q, k, shape, b, t, head, slopes);
  const std::vector<double>& p = row.probabilities;
  const std::int64_t query = shape.query(b, t, head), out = shape.out(b, t, head);
  std::vector<double> dp(p.size());
  CompensatedSum<double> weighted;  // rowsum(P dP)
  for (std::size_t j = 0; j < p.size(); ++j) {
    const std::int64_t value = shape.value(b, row.first + static_cast<std::int64_t>(j), head);
    CompensatedSum<double> product;
    for (std::int64_t d = 0; d < shape.value_dim; ++d) {
      product += dout[out + d] * v[value + d];
      gradients.v[value + d] += p[j] * dout[out + d];
    }
    dp[j] = product.value();
    weighted += p[j] * dp[j];
  }
  CompensatedSums dq({shape.head_dim});
  for (std::size_t j = 0; j < p.size(); ++j) {
    const std::int64_t key = shape.key(b, row.first + static_cast<std::int64_t>(j), head);
    const double dscore =
        p[j] * (dp[j] - weighted.value()) * shape.scale() * slope_of_cap(q, k, shape, query, key);
    for (std::int64_t d = 0; d < shape.head_dim; ++d) {
      dq[d] += dscore * k[key + d];
      gradients.k[key + d] += dscore * q[query + d];
    }
  }
  for (std::int64_t d = 0; d < shape.head_dim; ++d) gradients.q[query + d] = dq[d].value();
}

}  // namespace

AttentionGradients attention_vjp(const Tensor& dout, const Tensor& q, const Tensor& k,
                                 const Tensor& v, const AttentionForm& form, const Tensor* slopes) {
  const AttentionShape shape(q.shape, k.shape, form);
  SHARDPROOF_EXPECTS(dout.shape == shape.output() && v.shape == shape.values(),
                     to_string(dout.shape), to_string(q.shape), to_string(v.shape));
  Gradients gradients{Tensor(q.shape), CompensatedSums(k.shape), CompensatedSums(v.shape)};
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      Pulse::of_this_process().beat();
      for (std::int64_t t = 0; t < shape.positions; ++t)
        add_query(dout, q, k, v, shape, b, t, head, slopes, gradients);
    }
  return {std::move(gradients.q), gradients.k.values(), gradients.v.values()};
}

AttentionGradients attention_vjp(const Tensor& dout, const Tensor& q, const Tensor& k,
                                 const Tensor& v, std::int64_t head_dim) {
  return attention_vjp(dout, q, k, v, AttentionForm{.head_dim = head_dim});
}

}  // namespace shardproof::reference
