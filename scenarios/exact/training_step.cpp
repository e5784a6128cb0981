#include "scenarios/exact/training_step.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "scenarios/data/batches.hpp"
#include "scenarios/data/weights.hpp"
#include "scenarios/exact/grid.hpp"

namespace shardproof::exact {

namespace {

/// What a parameter's gradient adds up to over replicas and micro-steps: its sum, and that of the
/// magnitudes.
struct Total {
  Grid sum;
  Grid magnitudes;
};

Grid magnitudes_of(Grid grid) {
  for (std::int64_t& value : grid.values) value = value < 0 ? -value : value;
  return grid;
}

class Training {
 public:
  Training(const Scenario& scenario, const PrecisionPolicy& policy)
      : scenario_(scenario), policy_(policy), batches_(scenario) {
    const Weights weights(scenario);
    for (const ParameterDescription& parameter : scenario.model.parameters) {
      const std::int64_t columns = parameter.shape.back();
      const std::int64_t rows = element_count(parameter.shape) / columns;
      weights_[parameter.name] = grid_of(weights.read(parameter.name, whole(parameter.shape)), rows,
                                         columns, parameter.name);
    }
  }

  void prove() {
    for (int step = 0; step < scenario_.steps; ++step) {
      step_ = step;
      totals_.clear();
      for (int micro = 0; micro < scenario_.training.accumulation; ++micro)
        for (int replica = 0; replica < scenario_.replicas; ++replica)
          micro_step(batches_.tokens(StepIndex{step}, MicroStep{micro}, replica));
      update();
    }
  }

 private:
  std::string at(const std::string& what) const {
    return what + " in step " + std::to_string(step_);
  }
  const Grid& weight(const std::string& name) const { return weights_.at(name); }

  // A product over features that may be cut: partial sums are stored, sent and added.
  Grid cut_sum(Sums sums, const std::string& what) const {
    expect_sums(sums, {policy_.compute, policy_.working, policy_.tp_wire}, what);
    return std::move(sums.value);
  }

  Grid stored(Grid grid, const std::string& what) const {
    expect_stored(grid, policy_.working, what);
    return grid;
  }

  Grid linear(const std::string& module, const Grid& x) const {
    const std::string what = at(module + "/forward");
    const Grid product = cut_sum(times_transposed(x, weight(module + ".weight"), what), what);
    const auto bias = weights_.find(module + ".bias");
    return bias == weights_.end() ? product : stored(sum(product, bias->second, what), what);
  }

  // Adds to the gradients of the parameters, and gives back that of x.
  Grid linear_backward(const std::string& module, const Grid& dy, const Grid& x) {
    const std::string what = at(module + "/backward");
    const Sums of_weight = transposed_times(dy, x, what);
    expect_sums(of_weight, {policy_.compute}, what);
    add_gradient(module + ".weight", of_weight.value);
    if (weights_.contains(module + ".bias")) {
      Grid ones(dy.rows, 1, 0);
      for (std::int64_t& one : ones.values) one = 1;
      const Sums of_bias = transposed_times(ones, dy, what);
      expect_sums(of_bias, {policy_.compute}, what);
      add_gradient(module + ".bias", of_bias.value);
    }
    return cut_sum(times(dy, weight(module + ".weight"), what), what);
  }

  void add_gradient(const std::string& parameter, const Grid& gradient) {
    const std::string what = at("the gradient of " + parameter);
    expect_stored(gradient, policy_.working, what);
    const auto [total, is_new] = totals_.try_emplace(parameter);
    const Grid magnitudes = magnitudes_of(gradient);
    total->second.sum = is_new ? gradient : sum(total->second.sum, gradient, what);
    total->second.magnitudes =
        is_new ? magnitudes : sum(total->second.magnitudes, magnitudes, what);
  }

  void micro_step(const std::vector<std::int64_t>& tokens) {
    const std::int64_t layers = scenario_.model.num_hidden_layers;
    std::vector<Grid> x{rows_of("model.embed_tokens.weight", tokens)}, inner, activated;
    for (std::int64_t i = 0; i < layers; ++i) {
      const std::string layer = "model.layers." + std::to_string(i);
      inner.push_back(linear(layer + ".mlp.up_proj", x.back()));
      activated.push_back(rectified(inner.back(), inner.back()));
      const Grid y = linear(layer + ".mlp.down_proj", activated.back());
      x.push_back(stored(sum(x.back(), y, at(layer)), at(layer)));
    }
    const Grid logits = linear("lm_head", x.back());
    Grid dx = linear_backward("lm_head", loss_gradient(logits, tokens), x.back());
    for (std::int64_t i = layers; i-- > 0;) {
      const auto n = static_cast<std::size_t>(i);
      const std::string layer = "model.layers." + std::to_string(i);
      const Grid da = linear_backward(layer + ".mlp.down_proj", dx, activated[n]);
      const Grid dinner = rectified(da, inner[n]);
      const Grid of_branch = linear_backward(layer + ".mlp.up_proj", dinner, x[n]);
      dx = stored(sum(dx, of_branch, at(layer)), at(layer + "/backward"));
    }
    embedding_backward(dx, tokens);
  }

  Grid rows_of(const std::string& table, const std::vector<std::int64_t>& tokens) const {
    const Grid& weights = weight(table);
    Grid rows(std::ssize(tokens), weights.columns, weights.exponent);
    for (std::int64_t r = 0; r < rows.rows; ++r)
      for (std::int64_t c = 0; c < rows.columns; ++c)
        rows.at(r, c) = weights.at(tokens[static_cast<std::size_t>(r)], c);
    return rows;
  }

  // x where `before` is above zero; x itself in a model without an activation.
  Grid rectified(Grid x, const Grid& before) const {
    if (!scenario_.model.flag("relu")) return x;
    for (std::size_t i = 0; i < x.values.size(); ++i)
      if (before.values[i] <= 0) x.values[i] = 0;
    return x;
  }

  // (z - onehot of the next token) / (predicted tokens x micro-steps); the loss itself, half the
  // mean of the squares, is checked by the way.
  Grid loss_gradient(const Grid& logits, const std::vector<std::int64_t>& tokens) const {
    const std::int64_t positions = scenario_.data.sequence;
    const std::int64_t predicted = logits.rows / positions * (positions - 1);
    Grid targets(logits.rows, logits.columns, 0);
    for (std::int64_t r = 0; r < logits.rows; ++r)
      if (r % positions + 1 < positions)
        targets.at(r, tokens[static_cast<std::size_t>(r) + 1]) = -1;
    Grid off = sum(logits, targets, at("loss"));
    for (std::int64_t r = 0; r < off.rows; ++r)
      if (r % positions + 1 == positions)
        for (std::int64_t c = 0; c < off.columns; ++c) off.at(r, c) = 0;
    expect_stored(off, policy_.compute, at("loss/forward"));
    expect_loss(off);
    off.exponent -= std::ilogb(static_cast<double>(predicted)) +
                    std::ilogb(static_cast<double>(scenario_.training.accumulation));
    return stored(std::move(off), at("loss/backward"));
  }

  void expect_loss(const Grid& off) const {
    Grid row(1, std::ssize(off.values), off.exponent);
    row.values = off.values;
    Sums squares = times_transposed(row, row, at("loss/forward"));
    squares.value.exponent -= 1;
    expect_sums(squares, {policy_.compute}, at("loss/forward"));
  }

  void embedding_backward(const Grid& dx, const std::vector<std::int64_t>& tokens) {
    const std::string name = "model.embed_tokens.weight";
    Grid seen(dx.rows, weight(name).rows, 0);
    for (std::int64_t r = 0; r < dx.rows; ++r) seen.at(r, tokens[static_cast<std::size_t>(r)]) = 1;
    const Sums sums = transposed_times(seen, dx, at(name));
    expect_sums(sums, {policy_.compute}, at("model.embed_tokens/backward"));
    add_gradient(name, sums.value);
  }

  // p - lr times the mean over the replicas, whose sums over micro-steps and replicas are taken in
  // any order, in what they are kept and sent in.
  void update() {
    const int replicas = std::ilogb(static_cast<double>(scenario_.replicas));
    const int rate = std::ilogb(scenario_.training.optimizer.learning_rate);
    expect_norm();
    for (auto& [name, total] : totals_) {
      const std::string what = at("the gradient of " + name + ", summed");
      std::int64_t largest = 0;
      for (const std::int64_t value : total.magnitudes.values) largest = std::max(largest, value);
      // Divided before or after the sum, it is the same number of units.
      for (const int divided : {0, replicas}) {
        Sums sums{total.sum, largest};
        sums.value.exponent -= divided;
        expect_sums(sums, sum_formats(), what);
      }
      Grid step = total.sum;
      step.exponent += rate - replicas;
      for (std::int64_t& value : step.values) value = -value;
      expect_stored(step, policy_.master, what);
      Grid& weights = weights_.at(name);
      weights = sum(weights, step, name);
      expect_stored(weights, policy_.master, at("the master of " + name));
      expect_stored(weights, policy_.working, at("the weights " + name));
    }
  }

  // Stage 2 keeps what the replicas of a micro-step add up to as the gradients are.
  std::vector<Dtype> sum_formats() const {
    std::vector<Dtype> formats{policy_.accumulate, policy_.dp_wire};
    if (scenario_.parallel.zero_stage == 2) formats.push_back(policy_.working);
    return formats;
  }

  // The squares of all gradients, in fp64.
  void expect_norm() const {
    const std::string what = at("the norm of all gradients");
    std::vector<Grid> gradients;
    for (const auto& [name, total] : totals_) gradients.push_back(total.sum);
    const Grid all = joined(gradients, what);
    expect_sums(times_transposed(all, all, what), {Dtype::fp64}, what);
  }

  const Scenario& scenario_;
  const PrecisionPolicy& policy_;
  Batches batches_;
  std::map<std::string, Grid> weights_;
  std::map<std::string, Total> totals_;
  int step_ = 0;
};

}  // namespace

void prove_training(const Scenario& scenario, const PrecisionPolicy& policy) {
  Training(scenario, policy).prove();
}

}  // namespace shardproof::exact
