// Cases of experts: chosen, given their tokens, weighed.
#include <algorithm>
#include <cmath>

#include "bounds_builder.hpp"

namespace shardproof::testing {

using reference::UnitAttributes;
using reference::UnitKind;

namespace {

constexpr std::int64_t experts = 5, k = 2;

// Which experts each token chooses, the last one by nobody.
Stored choices(const Extents& e) {
  Stored selected(Dtype::int64, {e.B, e.T, k});
  std::vector<double> values;
  for (std::int64_t token = 0; token < e.B * e.T; ++token)
    for (const std::int64_t expert : {token * 3 % (experts - 1), (token * 3 + 1) % (experts - 1)})
      values.push_back(static_cast<double>(expert));
  selected.assign(values);
  return selected;
}

std::int64_t rows_of(const Stored& selected, std::int64_t expert) {
  const std::vector<double> values = selected.values();
  return std::count(values.begin(), values.end(), static_cast<double>(expert));
}

std::vector<real::TensorView> views(std::vector<Stored>& tensors, std::size_t first) {
  std::vector<real::TensorView> result;
  for (std::size_t i = first; i < tensors.size(); ++i) result.push_back(tensors[i].view());
  return result;
}

}  // namespace

// Six experts in three groups, of which two are kept; scores as sigmoids are, between 0 and 1; what
// they are corrected by is small.
void Builder::experts_by_scores() {
  constexpr std::int64_t all = 6;
  const Shape choice{e.B, e.T, k};
  const Stored selected = choices(e);
  const auto changed = [&](Stored stored, auto change) {
    std::vector<double> values = stored.values();
    for (double& value : values) value = change(value);
    stored.assign(values);
    return stored;
  };
  const auto near_one = [](double x) { return (0x1p-20 + std::fabs(x)) / (1 + std::fabs(x)); };
  for (const RouteForm form : {RouteForm::scores, RouteForm::score_shares}) {
    UnitAttributes attributes{.factor = 1.7};
    attributes.experts_per_token = k;
    attributes.route = form;
    attributes.expert_groups = {.count = 3, .kept = 2};
    const auto route = [=](CpuKernels& d, Arguments& a, Stored& chosen, Stored& weights) {
      const real::TensorView correction = a[1].view();
      d.route(a[0].view(), chosen.view(), weights.view(), form, 1.7, &correction,
              attributes.expert_groups);
    };
    const Stored scores = changed(draw({e.B, e.T, all}), near_one);
    const Stored correction =
        changed(draw({all}), [&](double x) { return std::copysign(near_one(x) / 8, x); });
    const Stored like = draw(choice);
    put(UnitKind::route_weights, attributes, {scores, correction}, choice,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          Stored chosen(Dtype::int64, choice);
          route(d, a, chosen, y);
        });
    put(UnitKind::route_selected, attributes, {scores, correction}, choice,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          Stored weights = like;
          route(d, a, y, weights);
        })
        .precision.output = Dtype::int64;
    put(UnitKind::route_backward, attributes, {draw(choice), scores, selected}, scores.shape,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          d.route_backward(a[0].view(), a[1].view(), a[2].view(), y.view(), form, 1.7);
        });
  }
}

void Builder::experts_of_tokens() {
  const Shape logits{e.B, e.T, experts}, choice{e.B, e.T, k}, x{e.B, e.T, e.C()};
  const Stored selected = choices(e);
  for (const RouteForm form : {RouteForm::renormalized, RouteForm::scaled}) {
    UnitAttributes attributes{.factor = 1.7};
    attributes.experts_per_token = k;
    attributes.route = form;
    const auto route = [=](CpuKernels& d, Arguments& a, Stored& chosen, Stored& weights) {
      d.route(a[0].view(), chosen.view(), weights.view(), form, 1.7);
    };
    const Stored like = draw(choice);
    put(UnitKind::route_weights, attributes, {draw(logits)}, choice,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          Stored chosen(Dtype::int64, choice);
          route(d, a, chosen, y);
        });
    put(UnitKind::route_selected, attributes, {draw(logits)}, choice,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          Stored weights = like;
          route(d, a, y, weights);
        })
        .precision.output = Dtype::int64;
    put(UnitKind::route_backward, attributes, {draw(choice), draw(logits), selected}, logits,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          d.route_backward(a[0].view(), a[1].view(), a[2].view(), y.view(), form, 1.7);
        });
  }
  std::vector<Stored> parts;
  for (std::int64_t expert = 0; expert < experts; ++expert)
    parts.push_back(draw({rows_of(selected, expert), e.C()}));
  const auto with_parts = [&](std::vector<Stored> first) {
    first.insert(first.end(), parts.begin(), parts.end());
    return first;
  };
  for (const ExpertRows order : {ExpertRows::by_choice, ExpertRows::by_token}) {
    UnitAttributes attributes{.groups = 1, .extent = parts[1].shape[0], .part = 1};
    attributes.experts = experts;
    attributes.expert_rows = order;
    put(UnitKind::moe_dispatch, attributes, {draw(x), selected}, parts[1].shape,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          std::vector<Stored> outputs = parts;
          d.moe_dispatch(a[0].view(), a[1].view(), views(outputs, 0), order);
          y = outputs[1];
        });
    put(UnitKind::moe_dispatch_backward, attributes, with_parts({selected}), x,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          d.moe_dispatch_backward(a[0].view(), views(a, 1), y.view(), order);
        });
    put(UnitKind::moe_combine, attributes, with_parts({selected, draw(choice)}), x,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          d.moe_combine(a[0].view(), a[1].view(), views(a, 2), y.view(), order);
        });
    const Stored weights = draw(choice);
    put(UnitKind::moe_combine_backward_weights, attributes, with_parts({draw(x), selected}), choice,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          std::vector<Stored> outputs = parts;
          Stored w = weights;
          d.moe_combine_backward(a[0].view(), a[1].view(), w.view(), views(a, 2), y.view(),
                                 views(outputs, 0), order);
        });
    put(UnitKind::moe_combine_backward_rows, attributes, {draw(x), selected, weights},
        parts[1].shape, [=](CpuKernels& d, Arguments& a, Stored& y) {
          std::vector<Stored> outputs = parts, rows = parts;
          Stored dweights = weights;
          d.moe_combine_backward(a[0].view(), a[1].view(), a[2].view(), views(rows, 0),
                                 dweights.view(), views(outputs, 0), order);
          y = outputs[1];
        });
  }
}

}  // namespace shardproof::testing
