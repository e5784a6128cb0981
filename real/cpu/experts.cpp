#include "real/cpu/experts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "scenarios/errors.hpp"

namespace shardproof::real::cpu {

ExpertPlaces::ExpertPlaces(std::span<const std::int64_t> selected, std::int64_t k,
                           std::int64_t experts, ExpertRows order)
    : tokens(k > 0 ? std::ssize(selected) / k : 0),
      choices(k),
      expert(selected.begin(), selected.end()),
      row(selected.size()),
      rows(static_cast<std::size_t>(experts)) {
  const bool by_token = order == ExpertRows::by_token;
  for (std::int64_t i = 0; i < std::ssize(selected); ++i) {
    const std::int64_t choice = by_token ? i : i % tokens * choices + i / tokens;
    const auto at = static_cast<std::size_t>(choice);
    SHARDPROOF_EXPECTS(expert[at] >= 0 && expert[at] < experts, "expert", expert[at], "of",
                       experts);
    row[at] = rows[static_cast<std::size_t>(expert[at])]++;
  }
}

std::vector<std::int64_t> ExpertPlaces::in_order_of_experts(std::int64_t token) const {
  std::vector<std::int64_t> mine(static_cast<std::size_t>(choices));
  std::iota(mine.begin(), mine.end(), token * choices);
  std::ranges::stable_sort(
      mine, {}, [&](std::int64_t choice) { return expert[static_cast<std::size_t>(choice)]; });
  return mine;
}

template <class C>
void choose(std::span<const C> logits, std::span<std::int64_t> selected) {
  std::vector<std::int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
    const C x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    return std::isnan(y) ? !std::isnan(x) : x > y;
  });
  std::copy_n(order.begin(), selected.size(), selected.begin());
}

namespace {

// exp(z_j - m) and their sum, m the largest z of those that are summed: over the selected experts where
// the weights are divided by their own sum, which the sum over all experts would only cancel in; else
// over all.
template <class C>
struct Exponentials {
  C largest, sum = 0;

  Exponentials(std::span<const C> logits, std::span<const std::int64_t> selected, RouteForm form) {
    std::vector<C> summed(logits.begin(), logits.end());
    if (form == RouteForm::renormalized) {
      summed.clear();
      for (const std::int64_t expert : selected)
        summed.push_back(logits[static_cast<std::size_t>(expert)]);
    }
    largest = *std::ranges::max_element(summed);
    for (const C z : summed) sum += std::exp(z - largest);
  }
  C share(C logit) const { return std::exp(logit - largest) / sum; }
};

}  // namespace

template <class C>
void weigh(std::span<const C> logits, std::span<const std::int64_t> selected, RouteForm form,
           double factor, C* weights) {
  const Exponentials<C> e(logits, selected, form);
  for (std::size_t s = 0; s < selected.size(); ++s) {
    weights[s] = e.share(logits[static_cast<std::size_t>(selected[s])]);
    if (form == RouteForm::scaled) weights[s] *= static_cast<C>(factor);
  }
}

template <class C>
void weigh_backward(const C* dweights, std::span<const C> logits,
                    std::span<const std::int64_t> selected, RouteForm form, double factor,
                    C* dlogits) {
  const Exponentials<C> e(logits, selected, form);
  const C times = form == RouteForm::scaled ? static_cast<C>(factor) : C{1};
  std::vector<C> upstream(logits.size(), C{0});
  C mean = 0;
  for (std::size_t s = 0; s < selected.size(); ++s) {
    const auto expert = static_cast<std::size_t>(selected[s]);
    upstream[expert] = times * dweights[s];
    mean += e.share(logits[expert]) * upstream[expert];
  }
  std::vector<bool> takes_part(logits.size(), form == RouteForm::scaled);
  for (const std::int64_t expert : selected) takes_part[static_cast<std::size_t>(expert)] = true;
  for (std::size_t j = 0; j < logits.size(); ++j)
    dlogits[j] = takes_part[j] ? e.share(logits[j]) * (upstream[j] - mean) : C{0};
}

template <class C>
void combine(const ExpertPlaces& at, std::int64_t width, std::span<const C* const> rows,
             const C* weights, C* y) {
  for (std::int64_t token = 0; token < at.tokens; ++token, y += width) {
    bool first = true;
    for (const std::int64_t choice : at.in_order_of_experts(token)) {
      const auto i = static_cast<std::size_t>(choice);
      const C* x = rows[static_cast<std::size_t>(at.expert[i])] + at.row[i] * width;
      for (std::int64_t c = 0; c < width; ++c) {
        const C term = weights == nullptr ? x[c] : weights[choice] * x[c];
        y[c] = first ? term : y[c] + term;  // from the first one: 0 + (-0) would be +0
      }
      first = false;
    }
  }
}

template <class C>
void combine_backward(const ExpertPlaces& at, std::int64_t width, const C* dy, const C* weights,
                      std::span<const C* const> rows, C* dweights, std::span<C* const> drows) {
  for (std::int64_t choice = 0; choice < std::ssize(at.expert); ++choice) {
    const auto i = static_cast<std::size_t>(choice);
    const auto expert = static_cast<std::size_t>(at.expert[i]);
    const C* upstream = dy + choice / at.choices * width;
    const C* x = rows[expert] + at.row[i] * width;
    C* dx = drows[expert] + at.row[i] * width;
    C sum = 0;
    for (std::int64_t c = 0; c < width; ++c) {
      sum += upstream[c] * x[c];
      dx[c] = weights[choice] * upstream[c];
    }
    dweights[choice] = sum;
  }
}

template void choose(std::span<const float>, std::span<std::int64_t>);
template void weigh(std::span<const float>, std::span<const std::int64_t>, RouteForm, double,
                    float*);
template void weigh_backward(const float*, std::span<const float>, std::span<const std::int64_t>,
                             RouteForm, double, float*);
template void combine(const ExpertPlaces&, std::int64_t, std::span<const float* const>,
                      const float*, float*);
template void combine_backward(const ExpertPlaces&, std::int64_t, const float*, const float*,
                               std::span<const float* const>, float*, std::span<float* const>);

template void choose(std::span<const double>, std::span<std::int64_t>);
template void weigh(std::span<const double>, std::span<const std::int64_t>, RouteForm, double,
                    double*);
template void weigh_backward(const double*, std::span<const double>, std::span<const std::int64_t>,
                             RouteForm, double, double*);
template void combine(const ExpertPlaces&, std::int64_t, std::span<const double* const>,
                      const double*, double*);
template void combine_backward(const ExpertPlaces&, std::int64_t, const double*, const double*,
                               std::span<const double* const>, double*, std::span<double* const>);

}  // namespace shardproof::real::cpu
