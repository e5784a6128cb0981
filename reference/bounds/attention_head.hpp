#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "reference/bounds/bounds.hpp"
#include "reference/ops/ops.hpp"

/// One head of one sequence of causal attention as dense matrices, for attention's bounds.
namespace shardproof::reference {

/// Row-major (rows, columns).
struct Matrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> values;

  Matrix(std::int64_t r, std::int64_t c)
      : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}
  double& at(std::int64_t i, std::int64_t j) {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
  double at(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
};

Matrix absolute(Matrix m);
Matrix times(const Matrix& a, const Matrix& b);             // a b
Matrix times_transposed(const Matrix& a, const Matrix& b);  // a b^T
Matrix transposed_times(const Matrix& a, const Matrix& b);  // a^T b

/// Where one head at one position begins in q, k, v or o: &AttentionShape::query, key, value, out.
using HeadOffset = std::int64_t (AttentionShape::*)(std::int64_t, std::int64_t, std::int64_t) const;
inline std::int64_t head_width(HeadOffset offset, const AttentionShape& shape) {
  const bool of_scores = offset == &AttentionShape::query || offset == &AttentionShape::key;
  return of_scores ? shape.head_dim : shape.value_dim;
}

/// Takes the (T, width) matrix of one head out of x (B, T, heads*width), and adds one back.
Matrix head_of(const Operand& x, HeadOffset offset, const AttentionShape& shape, std::int64_t b,
               std::int64_t head);
void add_head(const Matrix& m, HeadOffset offset, const AttentionShape& shape, std::int64_t b,
              std::int64_t head, std::vector<double>& x);

/// Scores and softmax of a head. Row i has the keys that the form shows; everything else is zero.
struct HeadSoftmax {
  /// slope * (position of the key), ALiBi's addition to a score.
  struct Bias {
    double slope;
    double at(std::int64_t j) const { return slope * as_real(j); }
  };
  Matrix bare;  // a q k^T, a the scale
  Matrix s;     // that, capped if there is a cap, + bias
  Matrix size;  // a |q| |k|^T
  Bias bias;
  Matrix p;                     // softmax
  std::vector<double> largest;  // m
  std::vector<double> log_sum;  // log l; log-sum-exp is m + log l
  AttentionForm form;
  double scale;

  HeadSoftmax(const Matrix& q, const Matrix& k, const AttentionForm& how, double slope);
  std::int64_t first(std::int64_t i) const {
    return form.window > 0 && i + 1 > form.window ? i + 1 - form.window : 0;
  }
  std::int64_t keys(std::int64_t i) const { return i + 1 - first(i); }
  double log_sum_exp(std::int64_t i) const {
    const auto row = static_cast<std::size_t>(i);
    return largest[row] + log_sum[row];
  }
  /// The slope of a score at the bare one, and how far a kernel's may be off: 1, 0 without a cap.
  struct Slope {
    double value = 1;
    double error = 0;
  };
  Slope slope(std::int64_t i, std::int64_t j, const Arithmetic& arithmetic) const;
  /// Whether a score of row i may leave the range on its way, scaled before or after its sum.
  bool may_overflow(std::int64_t i, const Arithmetic& arithmetic) const;
  /// ds: how far a kernel's score may be off.
  double score_error(std::int64_t i, std::int64_t j, const Arithmetic& arithmetic) const;
};

/// Relative error of a probability whose exponent is off by at most `off` and lies `distance` below
/// the largest. Where p vanished in fp64, relative to `least_probability`: what can appear there is
/// at most exp(off - distance), also when expm1(off) says nothing.
inline constexpr double least_probability = 1e-307;
double relative_error(double p, double off, double distance);
/// p x, for error factors x made by relative_error.
inline double part(double p, double x) { return std::max(p, least_probability) * x; }

/// How far a kernel in `arithmetic` may be from a HeadSoftmax.
struct SoftmaxErrors {
  Matrix score;                     // ds: absolute error of a score
  Matrix probability;               // tau: relative error of p
  std::vector<double> log_sum_exp;  // absolute error of log-sum-exp

  SoftmaxErrors(const HeadSoftmax& softmax, const Arithmetic& arithmetic);
};

}  // namespace shardproof::reference
