#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/op_forms.hpp"

/// Kernels of the mixture of experts. N tokens, k experts each of E; C features.
namespace shardproof::real::cpu {

/// Where the rows of chosen experts lie: choice s of token n is row row[n * k + s] of expert
/// expert[n * k + s], which has rows[expert] of them.
struct ExpertPlaces {
  std::int64_t tokens;
  std::int64_t choices;  // k
  std::vector<std::int64_t> expert;
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> rows;

  /// Throws InvariantError for an expert outside [0, experts).
  ExpertPlaces(std::span<const std::int64_t> selected, std::int64_t choices, std::int64_t experts,
               ExpertRows order);
  /// The choices of a token by the experts' numbers, not by their weights.
  std::vector<std::int64_t> in_order_of_experts(std::int64_t token) const;
};

/// One token: the k largest of E logits in descending order; of equal ones the first; a NaN last.
template <class C>
void choose(std::span<const C> logits, std::span<std::int64_t> selected);

/// One token's weights, and the gradient of its logits.
template <class C>
void weigh(std::span<const C> logits, std::span<const std::int64_t> selected, RouteForm form,
           double factor, C* weights);
template <class C>
void weigh_backward(const C* dweights, std::span<const C> logits,
                    std::span<const std::int64_t> selected, RouteForm form, double factor,
                    C* dlogits);

/// y[n] = the sum over the experts of token n of weights[choice] * rows[expert][row], in the order of
/// the experts. Without weights, of the rows alone.
template <class C>
void combine(const ExpertPlaces& at, std::int64_t width, std::span<const C* const> rows,
             const C* weights, C* y);
/// dweights[choice] = dy . row, drow = weight * dy.
template <class C>
void combine_backward(const ExpertPlaces& at, std::int64_t width, const C* dy, const C* weights,
                      std::span<const C* const> rows, C* dweights, std::span<C* const> drows);

}  // namespace shardproof::real::cpu
