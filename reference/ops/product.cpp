#include "reference/ops/product.hpp"

#include <cmath>
#include <limits>

#include "scenarios/blas/product.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

namespace {

thread_local bool plain_loops = false;

template <class T>
struct DotProduct {
  T sum = 0;
  T magnitude = 0;  // sum of the absolute terms
};

// Computed in C.
template <class C, class T>
DotProduct<C> dot(const FactorOf<T>& a, const FactorOf<T>& b, std::int64_t i, std::int64_t j) {
  DotProduct<C> result;
  for (std::int64_t k = 0; k < a.width(); ++k) {
    const C term = static_cast<C>(a.at(i, k)) * static_cast<C>(b.at(k, j));
    result.sum += term;
    result.magnitude += std::abs(term);
  }
  return result;
}

template <class T>
void expect_fit(const FactorOf<T>& a, const FactorOf<T>& b, std::size_t c_size) {
  const auto size = [](const FactorOf<T>& f) {
    return static_cast<std::size_t>(f.rows * f.columns);
  };
  SHARDPROOF_EXPECTS(a.values.size() == size(a) && b.values.size() == size(b), a.rows, a.columns,
                     b.rows, b.columns);
  SHARDPROOF_EXPECTS(a.width() == b.height(), a.width(), b.height());
  SHARDPROOF_EXPECTS(c_size == static_cast<std::size_t>(a.height() * b.width()), c_size);
}

template <class T>
void product_by_plain_loops(const FactorOf<T>& a, const FactorOf<T>& b, std::span<T> c) {
  expect_fit(a, b, c.size());
  for (std::int64_t i = 0; i < a.height(); ++i) {
    Pulse::of_this_process().beat();
    for (std::int64_t j = 0; j < b.width(); ++j)
      c[static_cast<std::size_t>(i * b.width() + j)] = dot<T>(a, b, i, j).sum;
  }
}

template <class T>
void product_by_blas(const FactorOf<T>& a, const FactorOf<T>& b, std::span<T> c) {
  const Pulse::LongCall underway(
      Pulse::LongCall::seconds_of_product(static_cast<double>(a.height() * a.width() * b.width())));
  const auto matrix = [](const FactorOf<T>& f) {
    return blas::Matrix<T>{f.values.data(), f.columns, f.transposed};
  };
  blas::product(a.height(), b.width(), a.width(), matrix(a), matrix(b), c.data());
}

template <class T>
void checked_product(const FactorOf<T>& a, const FactorOf<T>& b, std::span<T> c) {
  expect_fit(a, b, c.size());
  // BLAS refuses matrices without columns.
  if (plain_loops || a.width() == 0 || c.empty()) return product_by_plain_loops(a, b, c);
  product_by_blas(a, b, c);
  detail::spot_check(a, b, std::span<const T>(c));
}

}  // namespace

void plain_product(const Factor& a, const Factor& b, std::span<double> c) {
  product_by_plain_loops(a, b, c);
}

void product(const Factor& a, const Factor& b, std::span<double> c) { checked_product(a, b, c); }

void product(const FactorOf<float>& a, const FactorOf<float>& b, std::span<float> c) {
  checked_product(a, b, c);
}

template <class T>
void detail::spot_check(const FactorOf<T>& a, const FactorOf<T>& b, std::span<const T> c) {
  using Limits = std::numeric_limits<T>;
  constexpr double u = Limits::epsilon() / 2, smallest = Limits::denorm_min();
  constexpr double largest = sizeof(T) == sizeof(double) ? Limits::max() : Limits::max() / 2;
  constexpr std::int64_t checked_elements = 8;
  const auto count = static_cast<std::int64_t>(c.size());
  for (std::int64_t n = 0; n < checked_elements && count > 0; ++n) {
    // Spread over the matrix: first, last, and places between that fall in different columns.
    const std::int64_t element = n * (count - 1) / (checked_elements - 1);
    const auto [sum, magnitude] = dot<double>(a, b, element / b.width(), element % b.width());
    // Infinite terms: the order decides between inf and NaN; fp32 may overflow on its way.
    if (!(magnitude <= largest)) continue;
    // Each of the two sums is within K u S of the exact one (Jeannerod & Rump 2013); the plain one
    // in fp64.
    const double terms = 2 * static_cast<double>(a.width());
    const double allowed = terms * u * magnitude * (1 + 0x1p-20) + terms * smallest;
    const auto found = static_cast<double>(c[static_cast<std::size_t>(element)]);
    SHARDPROOF_EXPECTS(std::abs(found - sum) <= allowed, "BLAS product: element", element, "is",
                       found, "a plain loop gives", sum, "allowed difference", allowed);
  }
}

template void detail::spot_check(const FactorOf<double>&, const FactorOf<double>&,
                                 std::span<const double>);
template void detail::spot_check(const FactorOf<float>&, const FactorOf<float>&,
                                 std::span<const float>);

PlainLoops::PlainLoops() : outer_(plain_loops) { plain_loops = true; }
PlainLoops::~PlainLoops() { plain_loops = outer_; }

}  // namespace shardproof::reference
