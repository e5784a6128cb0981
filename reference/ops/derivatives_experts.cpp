#include "reference/ops/experts.hpp"

namespace shardproof::reference {

namespace {

// w = f s / D, D the sum of the chosen s and a little: ds_e = (f dw_e - sum_c w_c dw_c) / D.
// Without shares w = f s.
Tensor weights_of_scores_vjp(const Tensor& dweights, const Tensor& scores, const Tokens& selected,
                             RouteForm form, double factor) {
  const std::int64_t experts = scores.columns(), k = selected.columns();
  const Tensor weights = weights_of_scores(scores, selected, form, factor);
  Tensor dscores(scores.shape);
  for (std::int64_t token = 0; token < scores.rows(); ++token) {
    double divisor = 1, mean = 0;
    if (form == RouteForm::score_shares) {
      divisor = kLeastScore;
      for (std::int64_t i = token * k; i < (token + 1) * k; ++i) {
        divisor += scores[token * experts + selected[i]];
        mean += weights[i] * dweights[i];
      }
    }
    for (std::int64_t i = token * k; i < (token + 1) * k; ++i)
      dscores[token * experts + selected[i]] = (factor * dweights[i] - mean) / divisor;
  }
  return dscores;
}

}  // namespace

// w = factor softmax(z) of the experts in question: dz_e = w_e (dw_e - sum_c dw_c w_c / factor).
Tensor expert_weights_vjp(const Tensor& dweights, const Tensor& logits, const Tokens& selected,
                          RouteForm form, double factor) {
  if (takes_scores(form)) return weights_of_scores_vjp(dweights, logits, selected, form, factor);
  const std::int64_t experts = logits.columns(), k = selected.columns();
  const bool scaled = form == RouteForm::scaled;
  Tensor dlogits(logits.shape);
  for (std::int64_t token = 0; token < logits.rows(); ++token) {
    Tokens all({1, experts});
    std::iota(all.values.begin(), all.values.end(), 0);
    const Tensor z({1, experts}, {logits.values.begin() + token * experts,
                                  logits.values.begin() + (token + 1) * experts});
    Tokens chosen({1, k},
                  {selected.values.begin() + token * k, selected.values.begin() + (token + 1) * k});
    const Tensor softmax = expert_weights(z, scaled ? all : chosen, RouteForm::renormalized, 1);
    double mean = 0;
    for (std::int64_t c = 0; c < k; ++c)
      mean += softmax[scaled ? chosen[c] : c] * dweights[token * k + c];
    if (scaled)
      for (std::int64_t e = 0; e < experts; ++e)
        dlogits[token * experts + e] = -factor * softmax[e] * mean;
    for (std::int64_t c = 0; c < k; ++c) {
      const double p = softmax[scaled ? chosen[c] : c], dw = dweights[token * k + c];
      dlogits[token * experts + chosen[c]] = (scaled ? factor : 1) * p * (dw - mean);
    }
  }
  return dlogits;
}

Tensor expert_part_vjp(const Tensor& dpart, const ExpertRowsOf& at, std::int64_t e,
                       const Shape& shape) {
  Tensor dx(shape);
  const std::int64_t width = dx.columns(), rows = dpart.rows() / std::ssize(at.count);
  for (std::int64_t i = 0; i < std::ssize(at.expert); ++i)
    if (at.expert[static_cast<std::size_t>(i)] == e)
      for (std::int64_t c = 0; c < width; ++c)
        dx[i / at.choices * width + c] += dpart[at.place_of(i, rows, width) + c];
  return dx;
}

Tensor combined_vjp_weights(const Tensor& dy, const ExpertRowsOf& at, const Shape& selected,
                            const std::vector<Tensor>& parts) {
  Tensor dweights(selected);
  const std::int64_t width = dy.columns();
  for (std::int64_t i = 0; i < dweights.size(); ++i) {
    const Tensor& part = parts[static_cast<std::size_t>(at.expert[static_cast<std::size_t>(i)])];
    const std::int64_t from = at.place_of(i, part.rows() / std::ssize(at.count), width);
    CompensatedSum<double> sum;
    for (std::int64_t c = 0; c < width; ++c) sum += dy[i / at.choices * width + c] * part[from + c];
    dweights[i] = sum.value();
  }
  return dweights;
}

Tensor combined_vjp_part(const Tensor& dy, const ExpertRowsOf& at, const Tensor& weights,
                         std::int64_t e, std::int64_t rows) {
  const std::int64_t width = dy.columns();
  Tensor dpart({std::ssize(at.count) * rows, width});
  for (std::int64_t i = 0; i < std::ssize(at.expert); ++i)
    if (at.expert[static_cast<std::size_t>(i)] == e)
      for (std::int64_t c = 0; c < width; ++c)
        dpart[at.place_of(i, rows, width) + c] = weights[i] * dy[i / at.choices * width + c];
  return dpart;
}

}  // namespace shardproof::reference
