#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "reference/ops/tensor.hpp"

namespace shardproof::reference {

/// What is looked at where numbers are compared; of a dual number (dual.hpp) its value.
inline double number(double x) { return x; }

/// A sum whose error does not grow with the number of its terms: what each addition loses is itself
/// a number (Knuth, TAOCP 2, 4.2.2, theorem B), and is summed beside it. The error of n terms is u
/// of the sum and (n u)^2 of the sum of magnitudes: Ogita, Rump & Oishi 2005, SIAM J. Sci. Comput.
/// 26(6), proposition 4.5.
///
///     CompensatedSum<double> sum;
///     for (const double x : {1.0, 1e100, 1.0, -1e100}) sum += x;
///     sum.value();                                  // 2; added one after another they give 0
template <class Scalar>
class CompensatedSum {
 public:
  CompensatedSum& operator+=(const Scalar& x) {
    const Scalar sum = sum_ + x, of_x = sum - sum_;
    lost_ = lost_ + ((sum_ - (sum - of_x)) + (x - of_x));
    sum_ = sum;
    return *this;
  }
  /// Of a sum that is infinite nothing is lost.
  Scalar value() const { return std::isfinite(number(sum_)) ? sum_ + lost_ : sum_; }

 private:
  Scalar sum_ = 0, lost_ = 0;
};

/// A tensor of sums, each zero at first.
template <class Scalar>
class CompensatedSumsOf {
 public:
  explicit CompensatedSumsOf(Shape extents)
      : shape_(std::move(extents)), sums_(static_cast<std::size_t>(element_count(shape_))) {}
  CompensatedSum<Scalar>& operator[](std::int64_t i) { return sums_[static_cast<std::size_t>(i)]; }
  TensorOf<Scalar> values() const {
    TensorOf<Scalar> result(shape_);
    for (std::size_t i = 0; i < sums_.size(); ++i) result.values[i] = sums_[i].value();
    return result;
  }

 private:
  Shape shape_;
  std::vector<CompensatedSum<Scalar>> sums_;
};
using CompensatedSums = CompensatedSumsOf<double>;

}  // namespace shardproof::reference
