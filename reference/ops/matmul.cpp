#include "reference/ops/matmul.hpp"

#include <cblas.h>

#include <cmath>
#include <limits>
#include <mutex>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"
#include "scenarios/work_space.hpp"

namespace shardproof::reference {

namespace {

thread_local bool plain_loops = false;

struct DotProduct {
  double sum = 0;
  double magnitude = 0;  // sum of the absolute terms
};

DotProduct dot(const Factor& a, const Factor& b, std::int64_t i, std::int64_t j) {
  DotProduct result;
  for (std::int64_t k = 0; k < a.width(); ++k) {
    const double term = a.at(i, k) * b.at(k, j);
    result.sum += term;
    result.magnitude += std::abs(term);
  }
  return result;
}

void call_blas(const Factor& a, const Factor& b, std::span<double> c) {
  const auto order = [](const Factor& f) { return f.transposed ? CblasTrans : CblasNoTrans; };
  cblas_dgemm(CblasRowMajor, order(a), order(b), static_cast<blasint>(a.height()),
              static_cast<blasint>(b.width()), static_cast<blasint>(a.width()), 1.0,
              a.values.data(), static_cast<blasint>(a.columns), b.values.data(),
              static_cast<blasint>(b.columns), 0.0, c.data(), static_cast<blasint>(b.width()));
}

// By a product that is too large to be computed without.
bool blas_has_work_space() {
  constexpr std::int64_t n = 128;
  const std::vector<double> ones(n * n, 1);
  std::vector<double> c(n * n);
  const Factor factor{ones, n, n};
  take_work_space([&] { call_blas(factor, factor, c); });
  return c.front() == n;
}

void blas_product(const Factor& a, const Factor& b, std::span<double> c) {
  // The serial build of OpenBLAS keeps one work space: two threads in it at once compute nonsense.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  static const bool has_work_space = blas_has_work_space();
  SHARDPROOF_EXPECTS(has_work_space);
  const Pulse::LongCall underway(
      Pulse::LongCall::seconds_of_product(static_cast<double>(a.height() * a.width() * b.width())));
  call_blas(a, b, c);
}

void expect_fit(const Factor& a, const Factor& b, std::size_t c_size) {
  const auto size = [](const Factor& f) { return static_cast<std::size_t>(f.rows * f.columns); };
  SHARDPROOF_EXPECTS(a.values.size() == size(a) && b.values.size() == size(b), a.rows, a.columns,
                     b.rows, b.columns);
  SHARDPROOF_EXPECTS(a.width() == b.height(), a.width(), b.height());
  SHARDPROOF_EXPECTS(c_size == static_cast<std::size_t>(a.height() * b.width()), c_size);
}

Factor matrix(const Tensor& x) { return {x.values, x.rows(), x.columns()}; }
Factor transposed(Factor f) {
  f.transposed = !f.transposed;
  return f;
}
/// A weight as the matrix (I, O).
Factor weight_matrix(const Tensor& w, WeightLayout layout) {
  return layout == WeightLayout::out_in ? transposed(matrix(w)) : matrix(w);
}
/// The rows that batch group `group` of `groups` holds.
Factor rows_of_group(const Tensor& x, std::int64_t group, std::int64_t groups) {
  const std::int64_t rows = x.rows() / groups;
  const auto size = static_cast<std::size_t>(rows * x.columns());
  return {std::span(x.values).subspan(static_cast<std::size_t>(group) * size, size), rows,
          x.columns()};
}

Shape with_last(Shape shape, std::int64_t extent) {
  shape.back() = extent;
  return shape;
}

}  // namespace

void plain_product(const Factor& a, const Factor& b, std::span<double> c) {
  expect_fit(a, b, c.size());
  for (std::int64_t i = 0; i < a.height(); ++i) {
    Pulse::of_this_process().beat();
    for (std::int64_t j = 0; j < b.width(); ++j)
      c[static_cast<std::size_t>(i * b.width() + j)] = dot(a, b, i, j).sum;
  }
}

void product(const Factor& a, const Factor& b, std::span<double> c) {
  expect_fit(a, b, c.size());
  // BLAS refuses matrices without columns.
  if (plain_loops || a.width() == 0 || c.empty()) return plain_product(a, b, c);
  blas_product(a, b, c);
  detail::spot_check(a, b, c);
}

void detail::spot_check(const Factor& a, const Factor& b, std::span<const double> c) {
  constexpr std::int64_t checked_elements = 8;
  const auto count = static_cast<std::int64_t>(c.size());
  for (std::int64_t n = 0; n < checked_elements && count > 0; ++n) {
    // Spread over the matrix: first, last, and places between that fall in different columns.
    const std::int64_t element = n * (count - 1) / (checked_elements - 1);
    const auto [sum, magnitude] = dot(a, b, element / b.width(), element % b.width());
    if (!std::isfinite(magnitude))
      continue;  // infinite terms: the order decides between inf and NaN
    // Each of the two sums is within K u S of the exact one (Jeannerod & Rump 2013), u = 2^-53.
    const double terms = 2 * static_cast<double>(a.width());
    const double allowed = terms * 0x1p-53 * magnitude * (1 + 0x1p-20) +
                           terms * std::numeric_limits<double>::denorm_min();
    const double found = c[static_cast<std::size_t>(element)];
    SHARDPROOF_EXPECTS(std::abs(found - sum) <= allowed, "BLAS product: element", element, "is",
                       found, "a plain loop gives", sum, "allowed difference", allowed);
  }
}

PlainLoops::PlainLoops() : outer_(plain_loops) { plain_loops = true; }
PlainLoops::~PlainLoops() { plain_loops = outer_; }

Tensor matmul(const Tensor& x, const Tensor& w, WeightLayout layout) {
  const Factor weight = weight_matrix(w, layout);
  Tensor y(with_last(x.shape, weight.width()));
  product(matrix(x), weight, y.values);
  return y;
}

Tensor matmul_vjp_input(const Tensor& dy, const Tensor& w, WeightLayout layout) {
  const Factor weight = transposed(weight_matrix(w, layout));
  Tensor dx(with_last(dy.shape, weight.width()));
  product(matrix(dy), weight, dx.values);
  return dx;
}

Tensor matmul_vjp_weight(const Tensor& dy, const Tensor& x, std::int64_t groups,
                         WeightLayout layout) {
  SHARDPROOF_EXPECTS(groups > 0 && dy.rows() == x.rows() && x.rows() % groups == 0, groups,
                     to_string(dy.shape), to_string(x.shape));
  const Tensor& left = layout == WeightLayout::out_in ? dy : x;
  const Tensor& right = layout == WeightLayout::out_in ? x : dy;
  Tensor dw({groups, left.columns(), right.columns()});
  const auto size = static_cast<std::size_t>(left.columns() * right.columns());
  for (std::int64_t g = 0; g < groups; ++g)
    product(transposed(rows_of_group(left, g, groups)), rows_of_group(right, g, groups),
            std::span(dw.values).subspan(static_cast<std::size_t>(g) * size, size));
  return dw;
}

}  // namespace shardproof::reference
