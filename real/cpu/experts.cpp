// The mixture of experts. N tokens, k experts each of E; C features.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

// ---- Choosing ----------------------------------------------------------------------------------

/// One token: the k largest of E logits in descending order; of equal ones the first; a NaN last.
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

/// What one token's experts are compared by: scores, corrected, and 0 in the groups that are not
/// kept.
template <class C>
std::vector<C> compared(std::span<const C> scores, const C* correction, ExpertGroups groups) {
  std::vector<C> values(scores.begin(), scores.end());
  if (correction != nullptr)
    for (std::size_t j = 0; j < values.size(); ++j) values[j] += correction[j];
  if (!groups.limit()) return values;
  const std::size_t size = values.size() / static_cast<std::size_t>(groups.count);
  std::vector<C> worth;
  for (std::size_t g = 0; g < values.size(); g += size) {
    const std::span<const C> group(values.data() + g, size);
    std::array<std::int64_t, 2> best{};
    choose<C>(group, best);
    worth.push_back(group[static_cast<std::size_t>(best[0])] +
                    group[static_cast<std::size_t>(best[1])]);
  }
  std::vector<std::int64_t> order(worth.size());
  choose<C>(worth, order);
  for (auto g = order.begin() + groups.kept; g != order.end(); ++g)
    std::fill_n(values.begin() + *g * static_cast<std::int64_t>(size), size, C{0});
  return values;
}

// exp(z_j - m) and their sum, m the largest z of those that are summed: over the selected experts
// where the weights are divided by their own sum, which the sum over all experts would only cancel
// in; else over all.
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

// The sum of the scores of the chosen, and a little, by which they are divided; 1 where they are
// not.
template <class C>
C divisor_of(std::span<const C> scores, std::span<const std::int64_t> selected, RouteForm form) {
  if (form == RouteForm::scores) return C{1};
  C sum = 0;
  for (const std::int64_t expert : selected) sum += scores[static_cast<std::size_t>(expert)];
  return sum + static_cast<C>(kLeastScore);
}

/// One token's weights, and the gradient of its scores: of score_shares it is
/// (g - sum of g share) / divisor, g = factor * dweight.
template <class C>
void weigh_scores(std::span<const C> scores, std::span<const std::int64_t> selected, RouteForm form,
                  double factor, C* weights) {
  const C divisor = divisor_of(scores, selected, form);
  for (std::size_t s = 0; s < selected.size(); ++s)
    weights[s] = scores[static_cast<std::size_t>(selected[s])] / divisor * static_cast<C>(factor);
}

template <class C>
void weigh_scores_backward(const C* dweights, std::span<const C> scores,
                           std::span<const std::int64_t> selected, RouteForm form, double factor,
                           C* dscores) {
  const C divisor = divisor_of(scores, selected, form), times = static_cast<C>(factor);
  C mean = 0;
  if (form == RouteForm::score_shares)
    for (std::size_t s = 0; s < selected.size(); ++s)
      mean += scores[static_cast<std::size_t>(selected[s])] / divisor * (times * dweights[s]);
  std::fill_n(dscores, scores.size(), C{0});
  for (std::size_t s = 0; s < selected.size(); ++s)
    dscores[selected[s]] = (times * dweights[s] - mean) / divisor;
}

/// One token's weights, and the gradient of its logits.
template <class C>
void weigh(std::span<const C> logits, std::span<const std::int64_t> selected, RouteForm form,
           double factor, C* weights) {
  if (takes_scores(form)) return weigh_scores(logits, selected, form, factor, weights);
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
  if (takes_scores(form))
    return weigh_scores_backward(dweights, logits, selected, form, factor, dlogits);
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

/// Row `row` of a matrix of that width.
template <class T>
std::span<T> row_of(T* data, std::int64_t row, std::int64_t width) {
  return {data + row * width, static_cast<std::size_t>(width)};
}

void route(Device& device, const KernelCall& call) {
  const TensorView &logits = call.in(0), &selected = call.out(0), &weights = call.out(1);
  const RouteExtents e(logits, selected, weights);
  expect_choice(e, call.has_input(1) ? &call.in(1) : nullptr, call.attributes.expert_groups);
  in_compute_type_of(weights, device, call, [&]<class C>(Operands<C>& o) {
    for (std::int64_t n = 0; n < e.tokens; ++n) {
      const auto token = row_of(o.in(0), n, e.experts);
      const auto chosen = row_of(integers(selected), n, e.choices);
      choose<C>(compared<C>(token, o.in_if_there(1), call.attributes.expert_groups), chosen);
      weigh<C>(token, chosen, call.attributes.route, call.attributes.factor,
               o.out(1) + n * e.choices);
    }
  });
}

std::span<std::int64_t> choices_of(const TensorView& selected) {
  return {integers(selected), static_cast<std::size_t>(selected.elements())};
}

/// Tells the device of an expert outside [0, experts).
bool experts_exist(Device& device, const KernelCall& call, const TensorView& selected,
                   std::int64_t experts) {
  for (const std::int64_t expert : choices_of(selected))
    if (expert < 0 || expert >= experts) {
      on_cpu(device).tell({KernelError::Code::expert, expert, experts, call.tag});
      return false;
    }
  return true;
}

void route_backward(Device& device, const KernelCall& call) {
  const TensorView &dweights = call.in(0), &logits = call.in(1), &selected = call.in(2);
  const RouteExtents e(logits, selected, dweights);
  expect_same_count(logits, call.out());
  if (!experts_exist(device, call, selected, e.experts)) return;
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    for (std::int64_t n = 0; n < e.tokens; ++n)
      weigh_backward<C>(o.in(0) + n * e.choices, row_of(o.in(1), n, e.experts),
                        row_of(integers(selected), n, e.choices), call.attributes.route,
                        call.attributes.factor, o.out() + n * e.experts);
  });
}

// ---- Rows --------------------------------------------------------------------------------------

/// Where the rows of chosen experts lie: choice s of token n is row row[n * k + s] of expert
/// expert[n * k + s], which has rows[expert] of them.
struct ExpertPlaces {
  std::int64_t tokens;
  std::int64_t choices;  // k
  std::vector<std::int64_t> expert;
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> rows;

  ExpertPlaces(std::span<const std::int64_t> selected, std::int64_t k, std::size_t experts,
               ExpertRows order)
      : tokens(k > 0 ? std::ssize(selected) / k : 0),
        choices(k),
        expert(selected.begin(), selected.end()),
        row(selected.size()),
        rows(experts) {
    const bool by_token = order == ExpertRows::by_token;
    for (std::int64_t i = 0; i < std::ssize(selected); ++i) {
      const std::int64_t choice = by_token ? i : i % tokens * choices + i / tokens;
      const auto at = static_cast<std::size_t>(choice);
      row[at] = rows[static_cast<std::size_t>(expert[at])]++;
    }
  }
  /// The choices of a token by the experts' numbers, not by their weights.
  std::vector<std::int64_t> in_order_of_experts(std::int64_t token) const {
    std::vector<std::int64_t> mine(static_cast<std::size_t>(choices));
    std::iota(mine.begin(), mine.end(), token * choices);
    std::ranges::stable_sort(
        mine, {}, [&](std::int64_t choice) { return expert[static_cast<std::size_t>(choice)]; });
    return mine;
  }
};

/// The places in the experts' tensors `rows`. Nothing, and the device is told, if there is no such
/// expert, or if one's tensor has other rows than it was chosen times.
std::optional<ExpertPlaces> places(Device& device, const KernelCall& call,
                                   const TensorView& selected, std::span<const TensorView> rows,
                                   std::int64_t width) {
  if (!experts_exist(device, call, selected, std::ssize(rows))) return std::nullopt;
  ExpertPlaces at(choices_of(selected), last_extent(selected), rows.size(),
                  call.attributes.expert_rows);
  for (std::size_t e = 0; e < rows.size(); ++e) {
    SHARDPROOF_EXPECTS(rows[e].shape.size() == 2 && rows[e].shape[1] == width, "expert", e, "has",
                       to_string(rows[e].shape));
    if (rows[e].shape[0] == at.rows[e]) continue;
    on_cpu(device).tell({KernelError::Code::rows, at.rows[e], rows[e].shape[0], call.tag});
    return std::nullopt;
  }
  return at;
}

/// y[n] = the sum over the experts of token n of weights[choice] * rows[expert][row], in the order
/// of the experts. Without weights, of the rows alone.
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

/// dweights[choice] = dy . row, drow = weight * dy.
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

void moe_dispatch(Device& device, const KernelCall& call) {
  const TensorView &x = call.in(0), &selected = call.in(1);
  const auto at = places(device, call, selected, call.outputs, last_extent(x));
  if (!at) return;
  SHARDPROOF_EXPECTS(leading_rows(x) == at->tokens, to_string(x.shape), to_string(selected.shape));
  const std::size_t bytes = static_cast<std::size_t>(last_extent(x)) * size_bytes(x.dtype);
  for (std::size_t i = 0; i < at->expert.size(); ++i) {
    const TensorView& to = call.out(static_cast<std::size_t>(at->expert[i]));
    SHARDPROOF_EXPECTS(to.dtype == x.dtype, name_of(to.dtype), name_of(x.dtype));
    std::memcpy(to.data + static_cast<std::size_t>(at->row[i]) * bytes,
                x.data + i / static_cast<std::size_t>(at->choices) * bytes, bytes);
  }
}

void moe_dispatch_backward(Device& device, const KernelCall& call) {
  const TensorView& dx = call.out();
  const std::int64_t width = last_extent(dx);
  const auto at = places(device, call, call.in(0), call.inputs_from(1), width);
  if (!at) return;
  SHARDPROOF_EXPECTS(leading_rows(dx) == at->tokens, to_string(dx.shape));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    combine<C>(*at, width, o.inputs_from(1), nullptr, o.out());
  });
}

void moe_combine(Device& device, const KernelCall& call) {
  const TensorView &selected = call.in(0), &weights = call.in(1), &y = call.out();
  const std::int64_t width = last_extent(y);
  const auto at = places(device, call, selected, call.inputs_from(2), width);
  if (!at) return;
  SHARDPROOF_EXPECTS(leading_rows(y) == at->tokens && weights.shape == selected.shape,
                     to_string(y.shape), to_string(weights.shape));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    combine<C>(*at, width, o.inputs_from(2), o.in(1), o.out());
  });
}

void moe_combine_backward(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &selected = call.in(1), &weights = call.in(2);
  const std::int64_t width = last_extent(dy);
  const auto at = places(device, call, selected, call.inputs_from(3), width);
  if (!at || !places(device, call, selected, call.outputs_from(1), width)) return;
  SHARDPROOF_EXPECTS(leading_rows(dy) == at->tokens && weights.shape == selected.shape &&
                         call.out().shape == selected.shape,
                     to_string(dy.shape), to_string(weights.shape), to_string(call.out().shape));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    combine_backward<C>(*at, width, o.in(0), o.in(2), o.inputs_from(3), o.out(), o.outputs_from(1));
  });
}

}  // namespace

std::span<const KernelRow> expert_kernels() {
  static constexpr KernelRow rows[] = {
      {OpKind::route, route},
      {OpKind::route_backward, route_backward},
      {OpKind::moe_dispatch, moe_dispatch},
      {OpKind::moe_dispatch_backward, moe_dispatch_backward},
      {OpKind::moe_combine, moe_combine},
      {OpKind::moe_combine_backward, moe_combine_backward},
  };
  return rows;
}

}  // namespace shardproof::real::cpu
