// Mixture of experts (docs/bounds.md, "Mixture of experts").
#include "reference/bounds/experts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/bounds/sums.hpp"
#include "reference/ops/experts.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

std::int64_t groups_of(const UnitCall& unit) {
  return std::max<std::int64_t>(unit.attributes.groups, 1);
}

ExpertRowsOf rows_of(const UnitCall& unit, const Operand& selected, std::int64_t experts) {
  return {selected.values, selected.shape.back(), experts, groups_of(unit),
          unit.attributes.expert_rows};
}

Tensor tensor_of(const Operand& x) { return Tensor(x.shape, {x.values.begin(), x.values.end()}); }

Shape with_features(Shape shape, std::int64_t width) {
  shape.back() = width;
  return shape;
}

void settle_with_oracle(UnitResult& result, const Arithmetic& arithmetic) {
  const double share = oracle_arithmetic().u / arithmetic.u;
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
  settle(result);
}

/// A token's softmax over the experts in question, and how far a kernel's may be from it.
struct TokenSoftmax {
  std::vector<std::int64_t> experts;  // in question
  std::vector<double> p, tau;         // of these, tau the relative error

  TokenSoftmax(std::span<const double> z, std::span<const double> chosen, RouteForm form,
               const Arithmetic& arithmetic) {
    if (form == RouteForm::scaled)
      for (std::int64_t e = 0; e < std::ssize(z); ++e) experts.push_back(e);
    else
      experts.assign(chosen.begin(), chosen.end());
    double largest = -std::numeric_limits<double>::infinity();
    for (const std::int64_t e : experts)
      largest = std::max(largest, z[static_cast<std::size_t>(e)]);
    double sum = 0, weighted = 0;
    for (const std::int64_t e : experts) {
      p.push_back(std::exp(z[static_cast<std::size_t>(e)] - largest));
      // The difference is rounded, then the function errs.
      tau.push_back(arithmetic.u * (largest - z[static_cast<std::size_t>(e)]) +
                    LibraryError::exp * arithmetic.u);
      sum += p.back();
      weighted += p.back() * expm1_from_above(tau.back());
    }
    // The largest is one of them: the sum is at least 1.
    const double n = as_real(std::ssize(experts));
    const double of_sum = weighted / sum + n * arithmetic.eta;
    const double roundings = compounded((n + 3) * arithmetic.u);
    for (std::size_t i = 0; i < p.size(); ++i) {
      p[i] /= sum;
      tau[i] = expm1_from_above(tau[i] + of_sum + roundings);
    }
  }
  double of(std::int64_t expert, const std::vector<double>& values) const {
    const auto found = std::ranges::find(experts, expert);
    return found == experts.end() ? 0 : values[static_cast<std::size_t>(found - experts.begin())];
  }
};

struct Routed {
  std::span<const double> logits, selected;
  std::size_t E, k, tokens;

  Routed(const Operand& z, const Operand& chosen)
      : logits(z.values),
        selected(chosen.values),
        E(static_cast<std::size_t>(z.shape.back())),
        k(static_cast<std::size_t>(chosen.shape.back())),
        tokens(static_cast<std::size_t>(leading_rows(z))) {
    SHARDPROOF_EXPECTS(selected.size() == tokens * k, selected.size(), tokens, k);
    for (const double e : selected) SHARDPROOF_EXPECTS(0 <= e && e < as_real(z.shape.back()), e);
  }
  /// Of the i-th choice of all tokens.
  double score(std::size_t token, std::size_t i) const {
    return logits[token * E + static_cast<std::size_t>(selected[i])];
  }
  TokenSoftmax softmax(std::size_t token, RouteForm form, const Arithmetic& arithmetic) const {
    return {logits.subspan(token * E, E), selected.subspan(token * k, k), form, arithmetic};
  }
};

/// The experts of each token: exact, as each sum of two that they are compared by is one rounding.
Tokens selected_by(const UnitCall& unit) {
  const bool corrected = unit.arguments.size() > 1;
  const Tensor correction = corrected ? tensor_of(unit.arguments[1]) : Tensor();
  return chosen_experts(
      compared_scores(tensor_of(unit.arguments[0]), corrected ? &correction : nullptr,
                      unit.attributes.expert_groups, unit.precision.compute),
      unit.attributes.experts_per_token);
}

/// What a token's chosen scores are divided by, and how far a kernel's quotient s / D may be from
/// it, relative: a sum of k numbers and a rounded constant in any order, and the division. 1 and
/// exact where nothing is divided.
struct ScoreDivisor {
  double value = 1;
  double tau = 0;

  ScoreDivisor(const Routed& routed, std::size_t token, RouteForm form,
               const Arithmetic& arithmetic) {
    if (form == RouteForm::scores) return;
    double magnitude = kLeastScore;
    const double k = as_real(static_cast<std::int64_t>(routed.k));
    value = kLeastScore;
    for (std::size_t i = token * routed.k; i < (token + 1) * routed.k; ++i) {
      value += routed.score(token, i);
      magnitude += std::fabs(routed.score(token, i));
    }
    tau = compounded((k + 1) * arithmetic.u * (magnitude / std::fabs(value)) + arithmetic.u);
  }
};

// f s / D.
UnitResult weights_of_scores(const UnitCall& unit, const Routed& routed, const Shape& shape) {
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double factor = unit.attributes.factor;
  UnitResult result = bounded_result(shape);
  for (std::size_t token = 0; token < routed.tokens; ++token) {
    const ScoreDivisor divisor(routed, token, unit.attributes.route, arithmetic);
    for (std::size_t i = token * routed.k; i < (token + 1) * routed.k; ++i) {
      result.value[i] = factor * (routed.score(token, i) / divisor.value);
      // The factor is rounded, and so is the product.
      result.bound[i] =
          std::fabs(result.value[i]) * (divisor.tau + 2 * arithmetic.u * (1 + divisor.tau)) +
          2 * arithmetic.eta * (1 + factor);
    }
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

// (g - sum of g share) / D, g = f dw; of plain scores g.
UnitResult backward_of_scores(const UnitCall& unit, const Routed& routed) {
  const auto dweights = unit.arguments[0].values;
  const RouteForm form = unit.attributes.route;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double u = arithmetic.u, eta = arithmetic.eta, factor = unit.attributes.factor;
  const double sums = compounded((as_real(static_cast<std::int64_t>(routed.k)) + 3) * u);
  UnitResult result = bounded_result(unit.arguments[1].shape);
  for (std::size_t token = 0; token < routed.tokens; ++token) {
    const ScoreDivisor divisor(routed, token, form, arithmetic);
    double mean = 0, error = 0, size = 0;
    for (std::size_t i = token * routed.k; i < (token + 1) * routed.k; ++i) {
      const double g = factor * dweights[i], share = routed.score(token, i) / divisor.value;
      size = std::max(size, std::fabs(g));
      if (form == RouteForm::scores) continue;
      mean += share * g;
      error += std::fabs(share * g) * (divisor.tau + (1 + divisor.tau) * sums) +
               4 * eta * (1 + std::fabs(g));
    }
    for (std::size_t i = token * routed.k; i < (token + 1) * routed.k; ++i) {
      const double g = factor * dweights[i], difference = std::fabs(g - mean);
      const double off = error + 2 * u * std::fabs(g), tau = divisor.tau;
      const std::size_t at = token * routed.E + static_cast<std::size_t>(routed.selected[i]);
      result.value[at] = (g - mean) / divisor.value;
      result.bound[at] = ((1 + tau) * (off + 2 * u * (difference + off)) + tau * difference) /
                             std::fabs(divisor.value) +
                         4 * eta * (1 + size);
    }
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

}  // namespace

UnitResult replay_route_selected(const UnitCall& unit) {
  const Tokens selected = selected_by(unit);
  UnitResult result = bitwise_result(selected.shape);
  std::ranges::copy(selected.values, result.value.begin());
  return result;
}

UnitResult replay_route_weights(const UnitCall& unit) {
  const Tokens chosen = selected_by(unit);
  const std::vector<double> selected(chosen.values.begin(), chosen.values.end());
  const Routed routed(unit.arguments[0], {chosen.shape, selected});
  const RouteForm form = unit.attributes.route;
  if (takes_scores(form)) return weights_of_scores(unit, routed, chosen.shape);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double factor = form == RouteForm::scaled ? unit.attributes.factor : 1;
  UnitResult result = bounded_result(chosen.shape);
  for (std::size_t token = 0; token < routed.tokens; ++token) {
    const TokenSoftmax softmax = routed.softmax(token, form, arithmetic);
    for (std::size_t i = token * routed.k; i < (token + 1) * routed.k; ++i) {
      const double p = softmax.of(chosen.values[i], softmax.p);
      const double tau = softmax.of(chosen.values[i], softmax.tau);
      result.value[i] = factor * p;
      // The factor is rounded, and so is the product.
      result.bound[i] =
          factor * p * (tau + 2 * arithmetic.u * (1 + tau)) + 2 * arithmetic.eta * (1 + factor);
    }
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

UnitResult replay_route_backward(const UnitCall& unit) {
  const auto dweights = unit.arguments[0].values;
  const Routed routed(unit.arguments[1], unit.arguments[2]);
  SHARDPROOF_EXPECTS(dweights.size() == routed.selected.size(), dweights.size());
  const RouteForm form = unit.attributes.route;
  if (takes_scores(form)) return backward_of_scores(unit, routed);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double u = arithmetic.u, eta = arithmetic.eta;
  const double factor = form == RouteForm::scaled ? unit.attributes.factor : 1;
  const double sums = compounded((as_real(static_cast<std::int64_t>(routed.k)) + 3) * u);
  UnitResult result = bounded_result(unit.arguments[1].shape);
  for (std::size_t token = 0; token < routed.tokens; ++token) {
    const TokenSoftmax softmax = routed.softmax(token, form, arithmetic);
    std::vector<double> upstream(routed.E);
    double mean = 0, error = 0, size = 0;
    for (std::size_t i = token * routed.k; i < (token + 1) * routed.k; ++i) {
      const auto expert = static_cast<std::int64_t>(routed.selected[i]);
      const double g = factor * dweights[i], p = softmax.of(expert, softmax.p);
      const double tau = softmax.of(expert, softmax.tau);
      upstream[static_cast<std::size_t>(expert)] = g;
      mean += p * g;
      error += p * std::fabs(g) * (tau + (1 + tau) * sums) + 4 * eta * (1 + std::fabs(g));
      size = std::max(size, std::fabs(g));
    }
    for (std::size_t j = 0; j < softmax.experts.size(); ++j) {
      const auto expert = static_cast<std::size_t>(softmax.experts[j]);
      const double p = softmax.p[j], tau = softmax.tau[j], g = upstream[expert];
      const double difference = std::fabs(g - mean), off = error + 2 * u * std::fabs(g);
      const std::size_t at = token * routed.E + expert;
      result.value[at] = p * (g - mean);
      result.bound[at] = p * (1 + tau) * (off + 2 * u * (difference + off)) + p * tau * difference +
                         4 * eta * (1 + size);
    }
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

UnitResult replay_moe_dispatch(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const ExpertRowsOf at = rows_of(unit, unit.arguments[1], unit.attributes.experts);
  const Tensor part = expert_part(tensor_of(x), at, unit.attributes.part, unit.attributes.extent);
  UnitResult result = bitwise_result(part.shape);
  result.value = part.values;
  return result;
}

namespace {

/// The rows of a token's experts, which are the arguments from `first` on.
struct Parts {
  const UnitCall& unit;
  std::size_t first;
  ExpertRowsOf at;

  Parts(const UnitCall& call, const Operand& selected, std::size_t first_part)
      : unit(call),
        first(first_part),
        at(rows_of(call, selected, static_cast<std::int64_t>(call.arguments.size() - first_part))) {
  }
  std::int64_t width() const { return unit.arguments[first].shape.back(); }
  /// The row of a choice.
  std::span<const double> row(std::int64_t choice) const {
    const auto expert = static_cast<std::size_t>(at.expert[static_cast<std::size_t>(choice)]);
    const Operand& part = unit.arguments[first + expert];
    const std::int64_t rows = part.shape.at(0) / groups_of(unit);
    return part.values.subspan(static_cast<std::size_t>(at.place_of(choice, rows, width())),
                               static_cast<std::size_t>(width()));
  }
};

/// One result of a sum of products or numbers: adds terms, then bounds them.
struct Sum {
  double value = 0, magnitude = 0;
  std::int64_t terms = 0;
  void add(double term) {
    value = terms++ == 0 ? term : value + term;  // 0 + (-0) would be +0
    magnitude += std::fabs(term);
  }
  void put(UnitResult& result, std::size_t at, double q, const UnitPrecision& precision) const {
    const Arithmetic arithmetic = arithmetic_of(precision.compute);
    result.value[at] = value;
    result.bound[at] = any_order_sum(as_real(terms), q, magnitude, arithmetic);
    if (q == 0 && terms == 1) result.bound[at] = 0;
    const double oracle_q = precision.compute == Dtype::fp64 ? q : 0;
    result.error[at] =
        any_order_sum(as_real(terms), oracle_q, magnitude, oracle_arithmetic(precision.compute));
    if (magnitude + result.bound[at] > arithmetic.largest) note_overflow(result, at);
  }
};

/// 1 if products of the two operands are rounded, of any of the parts.
double rounding(const Parts& parts, const Operand& factor) {
  double q = 0;
  for (std::size_t i = parts.first; i < parts.unit.arguments.size(); ++i)
    q = std::max(q, product_rounding(parts.unit.precision.compute, parts.unit.arguments[i].values,
                                     factor.values));
  return q;
}

}  // namespace

UnitResult replay_moe_dispatch_backward(const UnitCall& unit) {
  const Operand& selected = unit.arguments[0];
  const Parts parts(unit, selected, 1);
  const auto width = static_cast<std::size_t>(parts.width());
  UnitResult result = bounded_result(with_features(selected.shape, parts.width()));
  for (std::size_t at = 0; at < result.value.size(); ++at) {
    Sum sum;
    for (const std::int64_t choice : parts.at.by_expert(static_cast<std::int64_t>(at / width)))
      sum.add(parts.row(choice)[at % width]);
    sum.put(result, at, 0, unit.precision);
  }
  settle(result);
  return result;
}

UnitResult replay_moe_combine(const UnitCall& unit) {
  const Operand& selected = unit.arguments[0];
  const auto weights = unit.arguments[1].values;
  SHARDPROOF_EXPECTS(weights.size() == selected.values.size(), weights.size());
  const Parts parts(unit, selected, 2);
  const double q = rounding(parts, unit.arguments[1]);
  const auto width = static_cast<std::size_t>(parts.width());
  UnitResult result = bounded_result(with_features(selected.shape, parts.width()));
  for (std::size_t at = 0; at < result.value.size(); ++at) {
    Sum sum;
    for (const std::int64_t choice : parts.at.by_expert(static_cast<std::int64_t>(at / width)))
      sum.add(weights[static_cast<std::size_t>(choice)] * parts.row(choice)[at % width]);
    sum.put(result, at, q, unit.precision);
  }
  settle(result);
  return result;
}

UnitResult replay_moe_combine_backward_weights(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& selected = unit.arguments[1];
  const Parts parts(unit, selected, 2);
  const double q = rounding(parts, dy);
  const auto width = static_cast<std::size_t>(parts.width());
  UnitResult result = bounded_result(selected.shape);
  for (std::size_t i = 0; i < result.value.size(); ++i) {
    const auto choice = static_cast<std::int64_t>(i);
    const auto upstream =
        dy.values.subspan(static_cast<std::size_t>(choice / parts.at.choices) * width, width);
    const auto row = parts.row(choice);
    Sum sum;
    for (std::size_t c = 0; c < width; ++c) sum.add(upstream[c] * row[c]);
    sum.put(result, i, q, unit.precision);
  }
  settle(result);
  return result;
}

// One product of numbers of the compute dtype: its bits are known.
UnitResult replay_moe_combine_backward_rows(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const ExpertRowsOf at = rows_of(unit, unit.arguments[1], unit.attributes.experts);
  const Tensor part = combined_vjp_part(tensor_of(dy), at, tensor_of(unit.arguments[2]),
                                        unit.attributes.part, unit.attributes.extent);
  UnitResult result = bitwise_result(part.shape);
  for (std::size_t i = 0; i < part.values.size(); ++i)
    result.value[i] = store(unit.precision, part.values[i]);
  return result;
}

}  // namespace shardproof::reference
