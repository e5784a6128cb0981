#include "reference/bounds/loss.hpp"

#include <algorithm>
#include <cmath>

#include "reference/bounds/sums.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

/// One row of logits: its softmax and how far a kernel's may be from it.
struct SoftmaxRow {
  std::span<const double> z;
  double largest = 0;
  double log_sum = 0;  // log sum_j exp(z_j - largest)
  /// Mean over p of expm1 of each exponential's relative error: bounds the error of log_sum up and
  /// down, also where the errors are not small (Jensen one way, log(1 + x) <= x the other).
  double mean_error = 0;
  const Arithmetic& arithmetic;

  SoftmaxRow(std::span<const double> logits, const Arithmetic& format)
      : z(logits), arithmetic(format) {
    largest = *std::max_element(z.begin(), z.end());
    double sum = 0, weighted = 0;
    for (const double value : z) {
      const double power = std::exp(value - largest);
      sum += power;
      // Where the exponential is zero it is zero in the kernel too, up to the underflow below.
      if (power > 0) weighted += power * expm1_from_above(error_of_exp(value));
    }
    log_sum = std::log(sum);
    // exp loses everything below the smallest subnormal: absolute, but the sum is at least 1.
    mean_error = weighted / sum + static_cast<double>(z.size()) * arithmetic.eta;
  }

  double log_sum_exp() const { return largest + log_sum; }
  double p(double value) const { return std::exp(value - log_sum_exp()); }
  /// Relative error of exp(z_j - m): the difference is rounded, then the function errs.
  double error_of_exp(double value) const {
    return arithmetic.u * std::fabs(value - largest) + LibraryError::exp * arithmetic.u;
  }
  /// eL of docs/bounds.md: error of log-sum-exp, V - 1 additions in any order.
  double error_of_log_sum_exp() const {
    const double u = arithmetic.u;
    return mean_error + compounded(static_cast<double>(z.size()) * u) +
           LibraryError::log * u * std::fabs(log_sum) + u * std::fabs(log_sum_exp());
  }
};

/// Logits, of all rows or of a window of them, and labels of all, cut into batch groups.
struct Loss {
  std::span<const double> logits, labels;
  std::size_t V, rows;  // rows of one group
  std::size_t first;    // row of the logits

  explicit Loss(const UnitCall& unit)
      : logits(unit.arguments[0].values),
        labels(unit.arguments[1].values),
        V(static_cast<std::size_t>(unit.arguments[0].shape.back())),
        rows(static_cast<std::size_t>(
            rows_per_group(unit, static_cast<std::int64_t>(unit.arguments[1].values.size())))),
        first(static_cast<std::size_t>(unit.attributes.row_window.first)) {
    const bool fits = unit.attributes.row_window.of > 0 ? first + count() <= labels.size()
                                                        : count() == labels.size();
    SHARDPROOF_EXPECTS(logits.size() == count() * V && fits, logits.size(), labels.size(), V);
    for (const double label : labels) SHARDPROOF_EXPECTS(label < static_cast<double>(V), label, V);
  }
  std::size_t count() const { return logits.size() / V; }
  std::span<const double> row(std::size_t r) const { return logits.subspan(r * V, V); }
  double valid(std::size_t group) const {
    const auto of_group = labels.subspan(group * rows, rows);
    return static_cast<double>(
        std::count_if(of_group.begin(), of_group.end(), [](double label) { return label >= 0; }));
  }
};

struct Bounded {
  double value = 0;
  double bound = 0;
};

Bounded row_loss(const Loss& loss, std::size_t r, const Arithmetic& arithmetic) {
  const SoftmaxRow softmax(loss.row(r), arithmetic);
  const double value = softmax.log_sum_exp() - softmax.z[static_cast<std::size_t>(loss.labels[r])];
  return {value, softmax.error_of_log_sum_exp() + arithmetic.u * std::fabs(value)};
}

// n rows added in any order and divided by n (or multiplied by a rounded 1/n).
Bounded mean_loss(const Loss& loss, std::size_t group, const Arithmetic& arithmetic) {
  const double n = loss.valid(group);
  Bounded mean;
  double magnitude = 0;
  for (std::size_t r = group * loss.rows; r < (group + 1) * loss.rows; ++r) {
    if (loss.labels[r] < 0) continue;
    const Bounded row = row_loss(loss, r, arithmetic);
    mean.value += row.value;
    mean.bound += row.bound;
    magnitude += std::fabs(row.value) + row.bound;
  }
  mean.value /= n;
  mean.bound = mean.bound / n + compounded((n + 1) * arithmetic.u) * magnitude / n;
  return mean;
}

}  // namespace

UnitResult replay_cross_entropy(const UnitCall& unit) {
  const Loss loss(unit);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  UnitResult result = bounded_result(grouped_shape(unit, {}));
  for (std::size_t group = 0; group < result.value.size(); ++group) {
    const Bounded mean = mean_loss(loss, group, arithmetic);
    result.value[group] = mean.value;
    result.bound[group] = mean.bound;
    result.error[group] = mean.bound * (oracle_arithmetic().u / arithmetic.u);
  }
  settle(result);
  return result;
}

namespace {

// dz_j = c (p_j - [j = label]). p is e_j / l or exp(z_j - LSE): the larger of the two errors holds.
void row_gradient(const SoftmaxRow& softmax, double c, double roundings, std::size_t label,
                  double* value, double* bound) {
  const Arithmetic& arithmetic = softmax.arithmetic;
  const double u = arithmetic.u;
  const double sum_error = compounded((static_cast<double>(softmax.z.size()) + 1) * u);
  const double lse = softmax.log_sum_exp();
  for (std::size_t j = 0; j < softmax.z.size(); ++j) {
    const double z = softmax.z[j], p = softmax.p(z), target = j == label ? 1 : 0;
    const double by_division = softmax.error_of_exp(z) + softmax.mean_error + sum_error;
    const double by_difference =
        u * std::fabs(z - lse) + LibraryError::exp * u + softmax.error_of_log_sum_exp();
    const double of_p = p > 0 ? p * expm1_from_above(std::max(by_division, by_difference)) : 0;
    value[j] = c * (p - target);
    // The difference, the product, the rounding of c, and if it is scaled that product.
    bound[j] = std::fabs(c) * (of_p + roundings * u * (std::fabs(p - target) + of_p)) +
               4 * arithmetic.eta * (1 + std::fabs(c));
  }
}

}  // namespace

UnitResult replay_cross_entropy_backward(const UnitCall& unit) {
  const Loss loss(unit);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double scale = loss_scale(unit, 2), roundings = unit.arguments.size() > 2 ? 4 : 3;
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t r = 0; r < loss.count(); ++r) {
    const double label = loss.labels[loss.first + r];
    if (label < 0) continue;  // exactly zero
    const SoftmaxRow softmax(loss.row(r), arithmetic);
    const double c = unit.attributes.factor / loss.valid((loss.first + r) / loss.rows) * scale;
    row_gradient(softmax, c, roundings, static_cast<std::size_t>(label),
                 result.value.data() + r * loss.V, result.bound.data() + r * loss.V);
  }
  for (std::size_t i = 0; i < result.bound.size(); ++i)
    result.error[i] = result.bound[i] * (oracle_arithmetic().u / arithmetic.u);
  settle(result);
  return result;
}

namespace {

// Whether a label is that of class j: what is subtracted from its logit.
double target(const Loss& loss, std::size_t row, std::size_t j) {
  return static_cast<double>(j) == loss.labels[row] ? 1 : 0;
}

// |z - onehot|^2 of all rows of a group.
double sum_of_squares(const Loss& loss, std::size_t group) {
  double sum = 0;
  for (std::size_t r = group * loss.rows; r < (group + 1) * loss.rows; ++r) {
    if (loss.labels[r] < 0) continue;
    for (std::size_t j = 0; j < loss.V; ++j) {
      const double off = loss.row(r)[j] - target(loss, r, j);
      sum += off * off;
    }
  }
  return sum;
}

}  // namespace

// n V squares, none below zero, added in any order: each has the rounding of its difference twice
// and its own, and the mean is one more, or two by a rounded reciprocal.
UnitResult replay_squared_error(const UnitCall& unit) {
  const Loss loss(unit);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  UnitResult result = bounded_result(grouped_shape(unit, {}));
  for (std::size_t group = 0; group < result.value.size(); ++group) {
    const double valid = loss.valid(group), terms = valid * static_cast<double>(loss.V);
    const double value = sum_of_squares(loss, group) / (2 * valid);
    const auto error = [&](const Arithmetic& of) {
      return compounded((terms + 4) * of.u) * value + terms * of.eta;
    };
    result.value[group] = value;
    result.bound[group] = error(arithmetic);
    result.error[group] = error(oracle_arithmetic(unit.precision.compute));
    if (value > arithmetic.largest / 4 / std::max(valid, 1.0)) note_overflow(result, group);
  }
  settle(result);
  return result;
}

// c (z - onehot): the difference, the rounding of c, if it is scaled that product, and the product.
UnitResult replay_squared_error_backward(const UnitCall& unit) {
  const Loss loss(unit);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double scale = loss_scale(unit, 2), roundings = unit.arguments.size() > 2 ? 4 : 3;
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t r = 0; r < loss.count(); ++r) {
    const std::size_t row = loss.first + r;
    if (loss.labels[row] < 0) continue;  // exactly zero
    const double c = unit.attributes.factor / loss.valid(row / loss.rows) * scale;
    for (std::size_t j = 0; j < loss.V; ++j) {
      const std::size_t i = r * loss.V + j;
      result.value[i] = c * (loss.row(r)[j] - target(loss, row, j));
      result.bound[i] = compounded(roundings * arithmetic.u) * std::fabs(result.value[i]) +
                        4 * arithmetic.eta * (1 + std::fabs(c));
      if (std::fabs(result.value[i]) > arithmetic.largest / 4) note_overflow(result, i);
    }
  }
  for (std::size_t i = 0; i < result.bound.size(); ++i)
    result.error[i] = result.bound[i] * (oracle_arithmetic().u / arithmetic.u);
  settle(result);
  return result;
}

}  // namespace shardproof::reference
