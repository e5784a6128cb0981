#pragma once

#include "reference/bounds/bounds.hpp"

/// Sums in an unknown order: matrix products, column sums, reductions over ranks.
/// Sources: Rump 2012; Jeannerod & Rump 2013 (any order: (n - 1 + q) u S, no second-order term).
namespace shardproof::reference {

/// (n - 1 + q) u S: error of a sum of n terms in any order, S = sum |term|, q = 1 if the terms are
/// themselves rounded products. Underflow of the products adds n eta.
double any_order_sum(double n, double q, double magnitude, const Arithmetic& arithmetic);

/// Error before the last rounding of a sum of n numbers of the output dtype, added in `hop`: the
/// last of the n - 1 additions rounds to the output itself if the two are one dtype.
double any_order_hops(double n, double magnitude, const UnitPrecision& precision);

/// The error of a sum that is cut into precision.partials separately rounded ones: `bound` is that
/// of their terms, S the sum of |term|. The last addition's rounding is left out.
double with_partials(double bound, double magnitude, const UnitPrecision& precision);
/// The largest S for which no partial and no sum of them overflows.
double largest_sum(const UnitPrecision& precision);

/// Says of an element of a sum that it may overflow on the way. If it did, it stays inf or NaN; if
/// it is finite, its bound holds.
void note_overflow(UnitResult& result, std::size_t element);
/// The same of `count` elements.
void note_overflows(UnitResult& result, std::size_t first, std::size_t count);

UnitResult replay_matmul(const UnitCall& unit);                  // x weight^T
UnitResult replay_matmul_backward_input(const UnitCall& unit);   // dy weight
UnitResult replay_matmul_backward_weight(const UnitCall& unit);  // dy^T x of each batch group
UnitResult replay_bias_backward(const UnitCall& unit);           // column sums of each batch group
/// Row v is the sum of the c rows of dy whose token is v: c = 0 exact zero, 1 a copy, 2 one
/// rounding, more: the sum rule with n = c.
UnitResult replay_embedding_backward(const UnitCall& unit);
UnitResult replay_sum(const UnitCall& unit);
UnitResult replay_mean(const UnitCall& unit);
UnitResult replay_sum_of_squares(const UnitCall& unit);
/// The same of elements that come some at a time.
class SumOfSquares {
 public:
  void add(std::span<const double> values);
  UnitResult result() const;

 private:
  double sum_ = 0, count_ = 0;
};

/// Rows of one batch group: `rows` cut into max(groups, 1) equal parts.
std::int64_t rows_per_group(const UnitCall& unit, std::int64_t rows);
/// `shape` with a leading axis of batch groups if there is one.
Shape grouped_shape(const UnitCall& unit, Shape shape);

}  // namespace shardproof::reference
