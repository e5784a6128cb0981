#include "reference/bounds/attention_head.hpp"

#include <algorithm>
#include <cmath>

#include "reference/bounds/soft_cap.hpp"
#include "reference/ops/matmul.hpp"

namespace shardproof::reference {

Matrix absolute(Matrix m) {
  for (double& value : m.values) value = std::fabs(value);
  return m;
}

namespace {
Matrix multiplied(const Matrix& a, bool a_transposed, const Matrix& b, bool b_transposed) {
  const Factor left{a.values, a.rows, a.columns, a_transposed};
  const Factor right{b.values, b.rows, b.columns, b_transposed};
  Matrix c(left.height(), right.width());
  product(left, right, c.values);
  return c;
}
}  // namespace

Matrix times(const Matrix& a, const Matrix& b) { return multiplied(a, false, b, false); }
Matrix times_transposed(const Matrix& a, const Matrix& b) { return multiplied(a, false, b, true); }
Matrix transposed_times(const Matrix& a, const Matrix& b) { return multiplied(a, true, b, false); }

Matrix head_of(const Operand& x, HeadOffset offset, const AttentionShape& shape, std::int64_t b,
               std::int64_t head) {
  const auto width = head_width(offset, shape);
  Matrix m(shape.positions, width);
  for (std::int64_t t = 0; t < shape.positions; ++t)
    std::copy_n(x.values.begin() + (shape.*offset)(b, t, head), width,
                m.values.begin() + t * width);
  return m;
}

void add_head(const Matrix& m, HeadOffset offset, const AttentionShape& shape, std::int64_t b,
              std::int64_t head, std::vector<double>& x) {
  for (std::int64_t t = 0; t < shape.positions; ++t)
    for (std::int64_t d = 0; d < m.columns; ++d)
      x[static_cast<std::size_t>((shape.*offset)(b, t, head) + d)] += m.at(t, d);
}

HeadSoftmax::HeadSoftmax(const Matrix& q, const Matrix& k, const AttentionForm& how, double slope)
    : bare(times_transposed(q, k)),
      s(q.rows, k.rows),
      size(times_transposed(absolute(q), absolute(k))),
      bias{slope},
      p(q.rows, k.rows),
      form(how),
      // Written once more, and not asked of the form: the engine does that.
      scale(form.scale > 0 ? form.scale : 1.0 / std::sqrt(static_cast<double>(form.head_dim))) {
  for (double& score : bare.values) score *= scale;
  s = bare;
  if (form.cap > 0)
    for (double& score : s.values) score = form.cap * std::tanh(score / form.cap);
  for (double& magnitude : size.values) magnitude *= scale;
  for (std::int64_t i = 0; i < q.rows; ++i) {
    for (std::int64_t j = first(i); j <= i; ++j) s.at(i, j) += bias.at(j);
    const auto row = s.values.begin() + i * s.columns;
    const double m = *std::max_element(row + first(i), row + i + 1);
    double sum = 0;
    for (std::int64_t j = first(i); j <= i; ++j) sum += p.at(i, j) = std::exp(s.at(i, j) - m);
    for (std::int64_t j = first(i); j <= i; ++j) p.at(i, j) /= sum;
    largest.push_back(m);
    log_sum.push_back(std::log(sum));
  }
}

namespace {
// How far a bare score may be off, of features of the given size.
double bare_error(double size, const AttentionForm& form, const Arithmetic& arithmetic) {
  const double d = as_real(form.head_dim);
  return size * compounded((d + 3) * arithmetic.u) + d * arithmetic.eta;
}
}  // namespace

HeadSoftmax::Slope HeadSoftmax::slope(std::int64_t i, std::int64_t j,
                                      const Arithmetic& arithmetic) const {
  if (form.cap == 0) return {};
  const CappedValue capped(bare.at(i, j), bare_error(size.at(i, j), form, arithmetic), form.cap,
                           arithmetic);
  return {capped.slope, capped.slope_error};
}

bool HeadSoftmax::may_overflow(std::int64_t i, const Arithmetic& arithmetic) const {
  const double unscaled = std::max(1.0, 1 / scale);
  for (std::int64_t j = first(i); j <= i; ++j)
    if (2 * (size.at(i, j) * unscaled + std::fabs(bias.at(j))) > arithmetic.largest) return true;
  return false;
}

double HeadSoftmax::score_error(std::int64_t i, std::int64_t j,
                                const Arithmetic& arithmetic) const {
  const double u = arithmetic.u;
  double of_product = bare_error(size.at(i, j), form, arithmetic);
  if (form.cap > 0) of_product = CappedValue(bare.at(i, j), of_product, form.cap, arithmetic).error;
  if (bias.slope == 0) return of_product;
  // The bias is a product of its own, and one more sum.
  return of_product * (1 + u) + u * size.at(i, j) + std::fabs(bias.at(j)) * compounded(2 * u) +
         arithmetic.eta;
}

double relative_error(double p, double off, double distance) {
  if (p > 0) return expm1_from_above(off);
  return std::min(expm1_from_above(off), std::exp(off - distance) / least_probability);
}

SoftmaxErrors::SoftmaxErrors(const HeadSoftmax& softmax, const Arithmetic& arithmetic)
    : score(softmax.s.rows, softmax.s.columns), probability(softmax.s.rows, softmax.s.columns) {
  const double u = arithmetic.u;
  for (std::int64_t i = 0; i < softmax.s.rows; ++i) {
    const double n = as_real(softmax.keys(i)), m = softmax.largest[static_cast<std::size_t>(i)];
    // Mean over p of expm1 of each exponent's error: bounds the error of the logarithm of the sum
    // up and down, whatever its size (Jensen one way, log(1 + x) <= x the other). And so does the
    // largest of those errors, since the logarithm moves no further than the exponents do.
    double mean = n * arithmetic.eta, most = mean;
    for (std::int64_t j = softmax.first(i); j <= i; ++j) {
      score.at(i, j) = softmax.score_error(i, j, arithmetic);
      const double distance = m - softmax.s.at(i, j), p = softmax.p.at(i, j);
      const double off = score.at(i, j) + 2 * u * distance + LibraryError::exp * u;
      probability.at(i, j) = off;
      mean += part(p, relative_error(p, off, distance));
      most = std::max(most, n * arithmetic.eta + off);
    }
    mean = std::min(mean, most);
    for (std::int64_t j = softmax.first(i); j <= i; ++j)
      probability.at(i, j) =
          relative_error(softmax.p.at(i, j), probability.at(i, j) + mean + compounded((n + 2) * u),
                         m - softmax.s.at(i, j));
    log_sum_exp.push_back(mean + compounded(n * u) +
                          LibraryError::log * u *
                              std::fabs(softmax.log_sum[static_cast<std::size_t>(i)]) +
                          u * std::fabs(softmax.log_sum_exp(i)) + 2 * u);
  }
}

}  // namespace shardproof::reference
