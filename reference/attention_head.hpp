#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "reference/bounds.hpp"
#include "reference/ops.hpp"

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

/// Takes the (T, hd) matrix of one head out of x (B, T, heads*hd), and adds one back.
Matrix query_head(const Operand& x, const AttentionShape& shape, std::int64_t b, std::int64_t head);
Matrix key_head(const Operand& x, const AttentionShape& shape, std::int64_t b, std::int64_t head);
void add_query_head(const Matrix& m, const AttentionShape& shape, std::int64_t b, std::int64_t head,
                    std::vector<double>& x);
void add_key_head(const Matrix& m, const AttentionShape& shape, std::int64_t b, std::int64_t head,
                  std::vector<double>& x);

/// Scores and softmax of a head. Row i has keys 0..i; everything else is zero.
struct HeadSoftmax {
  Matrix s;                     // a q k^T, a = hd^(-1/2)
  Matrix size;                  // a |q| |k|^T
  Matrix p;                     // softmax
  std::vector<double> largest;  // m
  std::vector<double> log_sum;  // log l; log-sum-exp is m + log l
  std::int64_t head_dim;

  HeadSoftmax(const Matrix& q, const Matrix& k);
  double log_sum_exp(std::int64_t i) const {
    const auto row = static_cast<std::size_t>(i);
    return largest[row] + log_sum[row];
  }
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
