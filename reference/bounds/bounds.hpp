#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "reference/bounds/replay.hpp"

/// Rounding error bounds, op by op: docs/bounds.md has the formulas and their sources.
///
/// A worked example: y = x w^T with K = 256, bf16 operands, fp32 accumulation. Products are exact
/// in fp32 (q = 0), so before the last rounding y is off by at most b = 255 * 2^-24 * S, S = sum |x
/// w|: about 1/256 of half a bf16 ulp of S. The rounding to bf16 itself is not part of b.
namespace shardproof::reference {

/// One call of replay(): what the families of bounds work on.
struct UnitCall {
  UnitKind kind;
  const UnitAttributes& attributes;
  const UnitPrecision& precision;
  std::span<const Operand> arguments;
};

/// What an error bound must know of a format.
struct Arithmetic {
  double u;        // unit roundoff, 2^-precision
  double eta;      // smallest subnormal: twice the largest underflow error of a product
  double tiny;     // twice the smallest normal number
  double largest;  // largest finite number
};
Arithmetic arithmetic_of(Dtype dtype);

/// The oracle's own arithmetic, fp64. Beside kernels of a narrower dtype its underflow is taken as
/// the smallest normal number: far below anything that they store, and free of subnormal operands,
/// which cost a hundred cycles each.
inline const Arithmetic& oracle_arithmetic(Dtype compute = Dtype::fp64) {
  static const Arithmetic exact = arithmetic_of(Dtype::fp64);
  static const Arithmetic coarse = {exact.u, 0x1p-1022, exact.tiny, exact.largest};
  return compute == Dtype::fp64 ? exact : coarse;
}

/// x / (1 - x): turns a sum x of small relative errors, first order, into a rigorous bound (Higham
/// 2002, section 3.1). Infinite from x = 1/2: no bound, which settle() turns into `sound = false`.
double compounded(double x);
/// e^x - 1 for x >= 0, from above. Where x is small that is x (1 + x), more by less than half of x
/// as a share of it, and free of a call: errors of exponents, of which there are as many as scores,
/// are small.
inline double expm1_from_above(double x) { return x <= 0x1p-10 ? x * (1 + x) : std::expm1(x); }

/// Errors of library functions in units of u: the larger of the table in docs/bounds.md (glibc) and
/// what tests/reference/bounds/bounds_libm_test.cpp measures.
struct LibraryError {
  static constexpr double exp = 2;
  static constexpr double log = 2;
  static constexpr double tanh = 5;
  static constexpr double erf = 4;
  // From here on a library returns 1 or -1 itself, in fp64 too.
  static constexpr double tanh_saturates = 22;
  static constexpr double erf_saturates = 6;
  static constexpr double reciprocal_sqrt = 2;  // a square root and a division
};

inline double as_real(std::int64_t n) { return static_cast<double>(n); }

/// The loss scale that a unit may have as argument `index`; 1 if it has none.
double loss_scale(const UnitCall& unit, std::size_t index);

/// Rows of a tensor seen as a matrix of its last dimension, which may be 0.
inline std::int64_t leading_rows(const Operand& x) {
  std::int64_t rows = 1;
  for (std::size_t d = 0; d + 1 < x.shape.size(); ++d) rows *= x.shape[d];
  return rows;
}

/// q of the sum rules: 0 if all products of the two operands are exact in the accumulator (up to
/// underflow), else 1. bf16 or fp16 pairs are exact in fp32, fp32 pairs in fp64.
double product_rounding(Dtype compute, std::span<const double> a, std::span<const double> b);

/// A result of the given shape with zeroed value, bound and error.
UnitResult bounded_result(Shape shape);
/// A result without bound and error: the bits are known.
UnitResult bitwise_result(Shape shape);

/// Last step of every bounded unit: inflates bound and error by 1 + 2^-20 for their own evaluation,
/// and clears `sound` where a finite value has no finite bound.
void settle(UnitResult& result);

/// Rounds as a kernel does: to `compute`, then to `output`, each to nearest even.
/// The argument is one + - * / or sqrt of numbers of `compute`, evaluated in fp64: rounding that to
/// fp32 gives the correctly rounded fp32 result, since 53 >= 2 * 24 + 2 (Figueroa 1995).
double store(const UnitPrecision& precision, double value);
/// The same of each of many.
void store_all(const UnitPrecision& precision, std::span<double> values);
/// One rounding to a storage dtype; int64 (exact integers) passes.
double round_once(Dtype dtype, double value);

/// Calls body(r), r(x) being the rounding of x to `compute`, which the compiler then sees in the
/// body's loops.
template <class Body>
auto with_rounding_to(Dtype compute, Body body) {
  if (compute == Dtype::fp64) return body([](double x) { return x; });
  return body([](double x) { return static_cast<double>(static_cast<float>(x)); });
}

}  // namespace shardproof::reference
