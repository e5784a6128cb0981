#pragma once

#include "real/layers/layer.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::real {

/// How a router chooses experts, and weighs those that it chooses.
struct RouteOptions {
  std::int64_t experts_per_token = 1;
  RouteForm form = RouteForm::renormalized;
  double factor = 1;
  ExpertGroups groups = {};
  std::string correction = "";  // a tensor of the model, added to the scores that are compared
};

/// Chooses each token's experts from the router's logits or scores. Every rank of a TP group has
/// all of them, and chooses alike: nothing is communicated.
class Route : public Layer {
 public:
  struct Choice {
    ValueId selected;  // (B, T, k), int64
    ValueId weights;   // (B, T, k)
  };
  Route(Site site, const RouteOptions& options) : Layer(std::move(site)), options_(options) {}
  Choice forward(ValueId logits);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes attributes() const;

  RouteOptions options_;
  ValueId logits_ = -1, selected_ = -1;
};

/// Hands each of a list of experts the tokens that chose it: (rows_e, C), rows_e an extent of the
/// program's that follows from `selected`.
class Dispatch : public Layer {
 public:
  Dispatch(Site site, ExpertRows order) : Layer(std::move(site)), order_(order) {}
  /// forward/`module`.experts.e/tokens.
  std::vector<ValueId> forward(ValueId x, ValueId selected, std::int64_t experts);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ExpertRows order_;
  ValueId x_ = -1, selected_ = -1;
};

/// Takes the experts' results back: each token's, times its weights, added in the experts' order.
class Combine : public Layer {
 public:
  Combine(Site site, ExpertRows order) : Layer(std::move(site)), order_(order) {}
  ValueId forward(const std::string& role, const Route::Choice& choice,
                  const std::vector<ValueId>& rows);
  /// Of the weights first, then of each expert's rows.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ExpertRows order_;
  Route::Choice choice_{-1, -1};
  std::vector<ValueId> rows_;
};

}  // namespace shardproof::real
