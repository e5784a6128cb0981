#include "reference/bounds/attention.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "reference/bounds/attention_head.hpp"
#include "reference/bounds/sums.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

namespace {

AttentionShape attention_shape(const UnitCall& unit, std::size_t q, std::size_t k) {
  const AttentionForm& form = unit.attributes.attention;
  SHARDPROOF_EXPECTS(form.head_dim > 0, form.head_dim);
  return {unit.arguments[q].shape, unit.arguments[k].shape, form};
}

// The slope of a head, 0 without ALiBi; the slopes are argument `index`, if it is there.
double slope_of(const UnitCall& unit, std::size_t index, const AttentionShape& shape,
                std::int64_t head) {
  if (index >= unit.arguments.size()) return 0;
  const auto slopes = unit.arguments[index].values;
  SHARDPROOF_EXPECTS(std::ssize(slopes) == shape.heads, slopes.size(), shape.heads);
  return slopes[static_cast<std::size_t>(head)];
}

HeadSoftmax softmax_of(const UnitCall& unit, std::size_t q, std::size_t slopes,
                       const AttentionShape& shape, std::int64_t b, std::int64_t head) {
  return {head_of(unit.arguments[q], &AttentionShape::query, shape, b, head),
          head_of(unit.arguments[q + 1], &AttentionShape::key, shape, b, head), shape.form,
          slope_of(unit, slopes, shape, head)};
}

template <class Function>
void for_each_head(const AttentionShape& shape, Function function) {
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      Pulse::of_this_process().beat();
      function(b, head);
    }
}

// Weights w_ij with |computed O - O| <= sum_j w_ij |V_j|.
Matrix output_weights(const HeadSoftmax& softmax, const Arithmetic& arithmetic) {
  const SoftmaxErrors errors(softmax, arithmetic);
  Matrix weights(softmax.p.rows, softmax.p.columns);
  for (std::int64_t i = 0; i < weights.rows; ++i) {
    const double sums = compounded((as_real(softmax.keys(i)) + 2) * arithmetic.u);
    for (std::int64_t j = softmax.first(i); j <= i; ++j) {
      const double tau = errors.probability.at(i, j);
      weights.at(i, j) = part(softmax.p.at(i, j), tau + sums * (1 + tau)) + 4 * arithmetic.eta;
    }
  }
  return weights;
}

// Whatever the scores, probabilities are not negative and sum to 1: a result is no larger than the
// largest of its values. That bounds it where the scores may be off by so much that nothing else
// does.
void bound_by_values(const HeadSoftmax& softmax, const Matrix& v, const Matrix& output,
                     const Arithmetic& arithmetic, Matrix& bound) {
  for (std::int64_t i = 0; i < bound.rows; ++i)
    for (std::int64_t c = 0; c < bound.columns; ++c) {
      if (std::isfinite(bound.at(i, c))) continue;
      double largest = 0;
      for (std::int64_t j = softmax.first(i); j <= i; ++j)
        largest = std::max(largest, std::fabs(v.at(j, c)));
      const double sums = compounded((2 * as_real(softmax.keys(i)) + 4) * arithmetic.u);
      bound.at(i, c) = std::fabs(output.at(i, c)) + largest * (1 + sums);
    }
}

double largest_of(const Matrix& m) {
  double largest = 0;
  for (const double value : m.values) largest = std::max(largest, std::fabs(value));
  return largest;
}

// Elements of the rows of a head of which a score may overflow, or the sum that its values enter
// before it is divided by.
void note_overflows_of(const HeadSoftmax& softmax, const Matrix& v, const Arithmetic& arithmetic,
                       const std::function<void(std::int64_t row)>& note) {
  const double values = largest_of(v);
  for (std::int64_t i = 0; i < softmax.p.rows; ++i)
    if (softmax.may_overflow(i, arithmetic) ||
        2 * as_real(softmax.keys(i)) * values > arithmetic.largest)
      note(i);
}

}  // namespace

UnitResult replay_attention(const UnitCall& unit) {
  const AttentionShape shape = attention_shape(unit, 0, 1);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  UnitResult result = bounded_result(shape.output());
  SHARDPROOF_EXPECTS(unit.arguments[2].shape == shape.values(), to_string(shape.values()));
  for_each_head(shape, [&](std::int64_t b, std::int64_t head) {
    const HeadSoftmax softmax = softmax_of(unit, 0, 3, shape, b, head);
    const Matrix v = head_of(unit.arguments[2], &AttentionShape::value, shape, b, head);
    const Matrix output = times(softmax.p, v);
    add_head(output, &AttentionShape::out, shape, b, head, result.value);
    Matrix bound = times(output_weights(softmax, arithmetic), absolute(v));
    bound_by_values(softmax, v, output, arithmetic, bound);
    for (double& value : bound.values) value += as_real(shape.positions) * arithmetic.eta;
    add_head(bound, &AttentionShape::out, shape, b, head, result.bound);
    note_overflows_of(softmax, v, arithmetic, [&](std::int64_t row) {
      note_overflows(result, static_cast<std::size_t>(shape.out(b, row, head)),
                     static_cast<std::size_t>(v.columns));
    });
  });
  const double share = oracle_arithmetic().u / arithmetic.u;
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
  settle(result);
  return result;
}

UnitResult replay_attention_lse(const UnitCall& unit) {
  const AttentionShape shape = attention_shape(unit, 0, 1);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  UnitResult result = bounded_result({shape.batch, shape.heads, shape.positions});
  for_each_head(shape, [&](std::int64_t b, std::int64_t head) {
    const HeadSoftmax softmax = softmax_of(unit, 0, 2, shape, b, head);
    const SoftmaxErrors errors(softmax, arithmetic);
    const auto first = static_cast<std::size_t>((b * shape.heads + head) * shape.positions);
    for (std::int64_t t = 0; t < shape.positions; ++t) {
      const auto row = static_cast<std::size_t>(t);
      result.value[first + row] = softmax.log_sum_exp(t);
      result.bound[first + row] = errors.log_sum_exp[row];
      if (softmax.may_overflow(t, arithmetic)) note_overflow(result, first + row);
    }
  });
  const double share = oracle_arithmetic().u / arithmetic.u;
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
  settle(result);
  return result;
}

namespace {

/// What the derivatives of one head are made of.
struct HeadDerivative {
  Matrix q, k, v, dout;
  HeadSoftmax softmax;
  Matrix dp;              // dO V^T
  Matrix dp_size;         // |dO| |V|^T
  std::vector<double> D;  // sum_j p_j dP_j = dO . O
  Matrix ds;              // F = a p (dP - D), times the slope of the score's cap
  double scale;

  HeadDerivative(const UnitCall& unit, const AttentionShape& shape, std::int64_t b,
                 std::int64_t head)
      : q(head_of(unit.arguments[1], &AttentionShape::query, shape, b, head)),
        k(head_of(unit.arguments[2], &AttentionShape::key, shape, b, head)),
        v(head_of(unit.arguments[3], &AttentionShape::value, shape, b, head)),
        dout(head_of(unit.arguments[0], &AttentionShape::out, shape, b, head)),
        softmax(softmax_of(unit, 1, 6, shape, b, head)),
        dp(times_transposed(dout, v)),
        dp_size(times_transposed(absolute(dout), absolute(v))),
        ds(dp.rows, dp.columns),
        scale(shape.scale()) {
    for (std::int64_t i = 0; i < dp.rows; ++i) {
      double sum = 0;
      for (std::int64_t j = softmax.first(i); j <= i; ++j) sum += softmax.p.at(i, j) * dp.at(i, j);
      D.push_back(sum);
      for (std::int64_t j = softmax.first(i); j <= i; ++j)
        ds.at(i, j) = scale * softmax.p.at(i, j) * (dp.at(i, j) - sum) *
                      softmax.slope(i, j, oracle_arithmetic()).value;
    }
  }
};

/// Errors that enter the derivatives: of p (relative), and of D (absolute, one a row).
struct DerivativeErrors {
  Matrix probability;
  std::vector<double> D;
};
/// The oracle's, who has computed its log-sum-exp, too.
struct OracleErrors : DerivativeErrors {
  std::vector<double> log_sum_exp;
};

// The oracle computes p as softmax and D as sum_j p_j dP_j.
OracleErrors errors_of_oracle(const HeadDerivative& head, const Arithmetic& arithmetic) {
  SoftmaxErrors of_softmax(head.softmax, arithmetic);
  OracleErrors errors{{std::move(of_softmax.probability), {}}, std::move(of_softmax.log_sum_exp)};
  const double products = compounded(as_real(head.v.columns) * arithmetic.u);
  for (std::int64_t i = 0; i < head.dp.rows; ++i) {
    const double n = as_real(head.softmax.keys(i)), sums = compounded(n * arithmetic.u);
    double error = 0;
    for (std::int64_t j = head.softmax.first(i); j <= i; ++j) {
      const double tau = errors.probability.at(i, j);
      error +=
          part(head.softmax.p.at(i, j), (1 + sums) * (1 + tau) * products * head.dp_size.at(i, j) +
                                            (tau + sums * (1 + tau)) * std::fabs(head.dp.at(i, j)));
    }
    errors.D.push_back(error + head.scale * n * arithmetic.eta);
  }
  return errors;
}

/// The recorded o and lse of one head, from which the kernel starts.
struct Recorded {
  Matrix o;
  std::span<const double> lse;
};

// The kernel computes p as exp(s - LSE_recorded) and D as dO . O_recorded. How far the recorded
// values are from the exact ones is computed, not bounded; the oracle's own error in that is added.
DerivativeErrors errors_of_kernel(const HeadDerivative& head, const Recorded& recorded,
                                  const OracleErrors& oracle, const Arithmetic& arithmetic,
                                  const Arithmetic& of_fp64) {
  const double u = arithmetic.u, d = as_real(head.v.columns);
  DerivativeErrors errors{Matrix(head.dp.rows, head.dp.columns), {}};
  for (std::int64_t i = 0; i < head.dp.rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    const double lse = head.softmax.log_sum_exp(i);
    const double of_lse = std::fabs(recorded.lse[row] - lse) + oracle.log_sum_exp[row];
    for (std::int64_t j = head.softmax.first(i); j <= i; ++j) {
      const double of_score = head.softmax.score_error(i, j, arithmetic);
      const double distance = std::fabs(head.softmax.s.at(i, j) - lse);
      errors.probability.at(i, j) = relative_error(
          head.softmax.p.at(i, j),
          of_score + of_lse + 2 * u * distance + (LibraryError::exp + 1) * u, distance);
    }
    double sum = 0, size = 0;
    for (std::int64_t c = 0; c < head.v.columns; ++c) {
      sum += head.dout.at(i, c) * recorded.o.at(i, c);
      size += std::fabs(head.dout.at(i, c) * recorded.o.at(i, c));
    }
    errors.D.push_back(std::fabs(sum - head.D[row]) + compounded(d * u) * size +
                       d * arithmetic.eta + oracle.D[row] + compounded(d * of_fp64.u) * size);
  }
  return errors;
}

// What the product with the slope of a cap adds to the error of what it is a product of: the
// slope's own, and one rounding. The slope is at most 1.
double of_cap(const HeadDerivative& head, std::int64_t i, std::int64_t j, double distance,
              double before_cap, const Arithmetic& arithmetic) {
  if (head.softmax.form.cap == 0) return 0;
  const double size = part(head.softmax.p.at(i, j), head.scale * distance) + before_cap;
  const double error = head.softmax.slope(i, j, arithmetic).error;
  return size * (error + arithmetic.u * (1 + error)) + arithmetic.eta;
}

// eS: absolute error of dS before the sums over keys or queries.
Matrix score_gradient_error(const HeadDerivative& head, const DerivativeErrors& errors,
                            const Arithmetic& arithmetic) {
  const double u = arithmetic.u, products = compounded(as_real(head.v.columns) * u);
  Matrix result(head.ds.rows, head.ds.columns);
  for (std::int64_t i = 0; i < result.rows; ++i)
    for (std::int64_t j = head.softmax.first(i); j <= i; ++j) {
      const double t = errors.probability.at(i, j);
      const double off = products * head.dp_size.at(i, j) +
                         as_real(head.v.columns) * arithmetic.eta +
                         errors.D[static_cast<std::size_t>(i)];
      const double distance = std::fabs(head.dp.at(i, j) - head.D[static_cast<std::size_t>(i)]);
      const double before_cap =
          part(head.softmax.p.at(i, j),
               head.scale * ((1 + t) * (off + 2 * u * (distance + off)) + distance * (t + 3 * u))) +
          4 * arithmetic.eta * (1 + distance + off);
      result.at(i, j) = before_cap + of_cap(head, i, j, distance, before_cap, arithmetic);
    }
  return result;
}

// w_ij with |error| <= sum w_ij |other factor|: of the entries (`error`), and of sums of n terms.
Matrix sum_weights(const Matrix& entries, const Matrix& error, double n, double u) {
  const double sums = compounded(n * u);
  Matrix weights(entries.rows, entries.columns);
  for (std::size_t i = 0; i < weights.values.size(); ++i)
    weights.values[i] = error.values[i] + sums * (std::fabs(entries.values[i]) + error.values[i]);
  return weights;
}

Matrix probability_error(const HeadDerivative& head, const DerivativeErrors& errors,
                         const Arithmetic& arithmetic) {
  Matrix result(head.ds.rows, head.ds.columns);
  for (std::int64_t i = 0; i < result.rows; ++i)
    for (std::int64_t j = head.softmax.first(i); j <= i; ++j)
      result.at(i, j) =
          part(head.softmax.p.at(i, j), errors.probability.at(i, j)) + 4 * arithmetic.eta;
  return result;
}

/// Value, or a bound, of the derivative of one head, as the kind of the unit says.
struct Side {
  UnitKind kind;
  double terms;  // in the longest sum

  Matrix value(const HeadDerivative& head) const {
    if (kind == UnitKind::attention_backward_q) return times(head.ds, head.k);
    if (kind == UnitKind::attention_backward_k) return transposed_times(head.ds, head.q);
    return transposed_times(head.softmax.p, head.dout);
  }
  Matrix bound(const HeadDerivative& head, const DerivativeErrors& errors,
               const Arithmetic& arithmetic) const {
    Matrix result = sum_of_errors(head, errors, arithmetic);
    for (double& value : result.values) value += terms * arithmetic.eta;
    return result;
  }
  Matrix sum_of_errors(const HeadDerivative& head, const DerivativeErrors& errors,
                       const Arithmetic& arithmetic) const {
    if (kind == UnitKind::attention_backward_v) {
      const Matrix error = probability_error(head, errors, arithmetic);
      return transposed_times(sum_weights(head.softmax.p, error, terms, arithmetic.u),
                              absolute(head.dout));
    }
    const Matrix error = score_gradient_error(head, errors, arithmetic);
    const Matrix weights = sum_weights(head.ds, error, terms, arithmetic.u);
    return kind == UnitKind::attention_backward_q ? times(weights, absolute(head.k))
                                                  : transposed_times(weights, absolute(head.q));
  }
};

// Whether anything on the way to the derivatives of a head may leave the range: a score, dP, or a
// sum of products of dS. Coarse, as it only tells where a skipped step may have inf and NaN.
bool may_overflow(const HeadDerivative& head, double terms, const Arithmetic& arithmetic) {
  for (std::int64_t i = 0; i < head.dp.rows; ++i)
    if (head.softmax.may_overflow(i, arithmetic)) return true;
  const double factor =
      std::max({1.0, largest_of(head.q), largest_of(head.k), largest_of(head.dout)});
  const double of_score = std::max(1.0, head.scale) * largest_of(head.dp_size);
  return 4 * terms * std::max(1.0, of_score) * factor > arithmetic.largest;
}

}  // namespace

UnitResult replay_attention_backward(const UnitCall& unit) {
  const AttentionShape shape = attention_shape(unit, 1, 2);
  const Operand& lse = unit.arguments[5];
  SHARDPROOF_EXPECTS(element_count(lse.shape) == shape.batch * shape.heads * shape.positions,
                     to_string(lse.shape));
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const Arithmetic& fp64 = oracle_arithmetic(unit.precision.compute);
  const bool of_query = unit.kind == UnitKind::attention_backward_q;
  const bool of_value = unit.kind == UnitKind::attention_backward_v;
  const HeadOffset target = of_query   ? &AttentionShape::query
                            : of_value ? &AttentionShape::value
                                       : &AttentionShape::key;
  const double group =
      of_query || shape.key_heads == 0 ? 1 : as_real(shape.heads / shape.key_heads);
  const Side side{unit.kind, as_real(shape.positions) * group};
  UnitResult result = bounded_result(unit.arguments[of_query ? 1 : of_value ? 3 : 2].shape);
  for_each_head(shape, [&](std::int64_t b, std::int64_t h) {
    const HeadDerivative head(unit, shape, b, h);
    const Recorded recorded{
        head_of(unit.arguments[4], &AttentionShape::out, shape, b, h),
        lse.values.subspan(static_cast<std::size_t>((b * shape.heads + h) * shape.positions),
                           static_cast<std::size_t>(shape.positions))};
    const OracleErrors oracle = errors_of_oracle(head, fp64);
    const DerivativeErrors kernel = errors_of_kernel(head, recorded, oracle, arithmetic, fp64);
    add_head(side.value(head), target, shape, b, h, result.value);
    add_head(side.bound(head, kernel, arithmetic), target, shape, b, h, result.bound);
    add_head(side.bound(head, oracle, fp64), target, shape, b, h, result.error);
    if (!may_overflow(head, side.terms, arithmetic)) return;
    for (std::int64_t t = 0; t < shape.positions; ++t)
      note_overflows(result, static_cast<std::size_t>((shape.*target)(b, t, h)),
                     static_cast<std::size_t>(head_width(target, shape)));
  });
  settle(result);
  return result;
}

}  // namespace shardproof::reference
