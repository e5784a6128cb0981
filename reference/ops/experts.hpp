#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "reference/ops/compensated_sum.hpp"
#include "reference/ops/tensor.hpp"
#include "scenarios/dtype.hpp"
#include "scenarios/op_forms.hpp"

/// Mixture of experts. A router's logits or scores (B, T, E) choose k experts for each token; each
/// expert
/// sees the rows of its tokens. The tokens of one batch group are one expert's part of
/// (groups * rows, C): its tokens first, then rows of zeros.
namespace shardproof::reference {

/// How experts are chosen and weighed.
struct RoutingRule {
  std::int64_t experts_per_token = 1;
  RouteForm form = RouteForm::renormalized;
  double factor = 1;  // of all forms but renormalized
  ExpertGroups groups = {};
};

/// What is compared when experts are chosen: of a dual number its value.

/// The k largest logits of each token, descending; of equal ones the lowest expert; a NaN is the
/// smallest of all.
template <class Scalar>
Tokens chosen_experts(const TensorOf<Scalar>& logits, std::int64_t k) {
  const std::int64_t experts = logits.columns();
  SHARDPROOF_EXPECTS(0 < k && k <= experts, k, experts);
  Shape shape = logits.shape;
  shape.back() = k;
  Tokens selected(shape);
  for (std::int64_t token = 0; token < logits.rows(); ++token)
    for (std::int64_t choice = 0; choice < k; ++choice) {
      std::int64_t best = -1;
      for (std::int64_t e = 0; e < experts; ++e) {
        bool taken = false;
        for (std::int64_t c = 0; c < choice; ++c) taken |= selected[token * k + c] == e;
        if (taken) continue;
        if (best < 0) {
          best = e;
          continue;
        }
        const double z = number(logits[token * experts + e]);
        const double top = number(logits[token * experts + best]);
        if (z > top || (std::isnan(top) && !std::isnan(z))) best = e;
      }
      selected[token * k + choice] = best;
    }
  return selected;
}

/// What experts are compared by: scores (B, T, E), corrected where there is a correction (E), and 0
/// in the groups that a token may not choose from. Each sum of two is rounded to `dtype`.
Tensor compared_scores(const Tensor& scores, const Tensor* correction, ExpertGroups groups,
                       Dtype dtype = Dtype::fp64);

/// Of each token: factor times the score of each chosen expert, or times its share in the chosen
/// ones' scores.
template <class Scalar>
TensorOf<Scalar> weights_of_scores(const TensorOf<Scalar>& scores, const Tokens& selected,
                                   RouteForm form, double factor) {
  const std::int64_t experts = scores.columns(), k = selected.columns();
  TensorOf<Scalar> weights(selected.shape);
  for (std::int64_t token = 0; token < scores.rows(); ++token) {
    const auto chosen = [&](std::int64_t c) {
      return scores[token * experts + selected[token * k + c]];
    };
    Scalar divisor = kLeastScore;
    for (std::int64_t c = 0; c < k; ++c) divisor += chosen(c);
    if (form == RouteForm::scores) divisor = 1;
    for (std::int64_t c = 0; c < k; ++c)
      weights[token * k + c] = Scalar(factor) * chosen(c) / divisor;
  }
  return weights;
}

/// Of each token: exp(z_e) over the sum of them, of the chosen experts among themselves
/// (renormalized), or of all and times `factor` (scaled); of scores the above. -> (B, T, k)
template <class Scalar>
TensorOf<Scalar> expert_weights(const TensorOf<Scalar>& logits, const Tokens& selected,
                                RouteForm form, double factor) {
  using std::exp;
  if (takes_scores(form)) return weights_of_scores(logits, selected, form, factor);
  const std::int64_t experts = logits.columns(), k = selected.columns();
  TensorOf<Scalar> weights(selected.shape);
  for (std::int64_t token = 0; token < logits.rows(); ++token) {
    const auto z = [&](std::int64_t e) { return logits[token * experts + e]; };
    double largest = number(z(selected[token * k]));  // of those that are summed
    for (std::int64_t c = 1; c < k; ++c)
      largest = std::max(largest, number(z(selected[token * k + c])));
    if (form == RouteForm::scaled)
      for (std::int64_t e = 0; e < experts; ++e) largest = std::max(largest, number(z(e)));
    Scalar sum = 0;
    for (std::int64_t c = 0; c < k; ++c) {
      const Scalar power = exp(z(selected[token * k + c]) - Scalar(largest));
      weights[token * k + c] = power;
      if (form == RouteForm::renormalized) sum += power;
    }
    if (form == RouteForm::scaled)
      for (std::int64_t e = 0; e < experts; ++e) sum += exp(z(e) - Scalar(largest));
    for (std::int64_t c = 0; c < k; ++c) {
      weights[token * k + c] = weights[token * k + c] / sum;
      if (form == RouteForm::scaled)
        weights[token * k + c] = weights[token * k + c] * Scalar(factor);
    }
  }
  return weights;
}

/// The rows of the experts' parts, choice by choice: choice c of token n, i = n k + c, is row[i] of
/// expert[i] in the group of the token.
struct ExpertRowsOf {
  std::int64_t choices;  // k
  std::int64_t tokens;   // of one group
  std::vector<std::int64_t> expert, row;
  std::vector<std::vector<std::int64_t>> count;  // by group and expert

  /// Throws InvariantError for an expert outside [0, experts).
  ExpertRowsOf(std::span<const double> selected, std::int64_t k, std::int64_t experts,
               std::int64_t groups, ExpertRows order)
      : choices(k),
        tokens(std::ssize(selected) / k / groups),
        expert(selected.begin(), selected.end()),
        row(selected.size()),
        count(static_cast<std::size_t>(groups),
              std::vector<std::int64_t>(static_cast<std::size_t>(experts))) {
    SHARDPROOF_EXPECTS(tokens * k * groups == std::ssize(selected), selected.size(), k, groups);
    for (std::int64_t group = 0; group < groups; ++group) {
      if (order == ExpertRows::by_token)
        for (std::int64_t n = 0; n < tokens; ++n)
          for (std::int64_t c = 0; c < k; ++c) place(group, n, c);
      else
        for (std::int64_t c = 0; c < k; ++c)
          for (std::int64_t n = 0; n < tokens; ++n) place(group, n, c);
    }
  }

  std::int64_t group_of(std::int64_t choice) const { return choice / (tokens * choices); }
  /// Where the row of a choice begins in a part that has `rows` of `width` for each group.
  std::int64_t place_of(std::int64_t choice, std::int64_t rows, std::int64_t width) const {
    const std::int64_t at = row[static_cast<std::size_t>(choice)];
    SHARDPROOF_EXPECTS(at < rows, "row", at, "of", rows);
    return (group_of(choice) * rows + at) * width;
  }
  /// The choices of a token in the order of their experts.
  std::vector<std::int64_t> by_expert(std::int64_t token) const {
    std::vector<std::int64_t> mine(static_cast<std::size_t>(choices));
    std::iota(mine.begin(), mine.end(), token * choices);
    std::ranges::stable_sort(
        mine, {}, [&](std::int64_t choice) { return expert[static_cast<std::size_t>(choice)]; });
    return mine;
  }

 private:
  void place(std::int64_t group, std::int64_t n, std::int64_t c) {
    const auto i = static_cast<std::size_t>((group * tokens + n) * choices + c);
    auto& of_group = count[static_cast<std::size_t>(group)];
    SHARDPROOF_EXPECTS(0 <= expert[i] && expert[i] < std::ssize(of_group), "expert", expert[i]);
    row[i] = of_group[static_cast<std::size_t>(expert[i])]++;
  }
};

/// x (B, T, C) -> (groups * rows, C), expert e's part.
template <class Scalar>
TensorOf<Scalar> expert_part(const TensorOf<Scalar>& x, const ExpertRowsOf& at, std::int64_t e,
                             std::int64_t rows) {
  const std::int64_t width = x.columns();
  TensorOf<Scalar> part({std::ssize(at.count) * rows, width});
  for (std::int64_t i = 0; i < std::ssize(at.expert); ++i)
    if (at.expert[static_cast<std::size_t>(i)] == e)
      for (std::int64_t c = 0; c < width; ++c)
        part[at.place_of(i, rows, width) + c] = x[i / at.choices * width + c];
  return part;
}

/// Of each token the sum over its experts of weight times row: parts (groups * rows, C) of all
/// experts -> (B, T, C), of the shape of `selected` but for the last extent.
template <class Scalar>
TensorOf<Scalar> combined(const ExpertRowsOf& at, Shape selected, const TensorOf<Scalar>& weights,
                          const std::vector<TensorOf<Scalar>>& parts) {
  const std::int64_t width = parts.at(0).columns(), groups = std::ssize(at.count);
  selected.back() = width;
  TensorOf<Scalar> y(selected);
  for (std::int64_t token = 0; token < y.rows(); ++token)
    for (const std::int64_t i : at.by_expert(token)) {
      const auto& part = parts[static_cast<std::size_t>(at.expert[static_cast<std::size_t>(i)])];
      const std::int64_t from = at.place_of(i, part.rows() / groups, width);
      for (std::int64_t c = 0; c < width; ++c) y[token * width + c] += weights[i] * part[from + c];
    }
  return y;
}

// The gradients (derivatives_experts.cpp). dy like the output of each.

/// dweights (B, T, k) -> dlogits (B, T, E).
Tensor expert_weights_vjp(const Tensor& dweights, const Tensor& logits, const Tokens& selected,
                          RouteForm form, double factor);
/// Of expert e's part: -> like x (`shape`).
Tensor expert_part_vjp(const Tensor& dpart, const ExpertRowsOf& at, std::int64_t e,
                       const Shape& shape);
/// With respect to the weights, and to expert e's part of `rows` rows a group.
Tensor combined_vjp_weights(const Tensor& dy, const ExpertRowsOf& at, const Shape& selected,
                            const std::vector<Tensor>& parts);
Tensor combined_vjp_part(const Tensor& dy, const ExpertRowsOf& at, const Tensor& weights,
                         std::int64_t e, std::int64_t rows);

}  // namespace shardproof::reference
