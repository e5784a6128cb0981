#include "reference/ops/tape.hpp"

#include "reference/ops/matmul.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

Variable Tape::push(Tensor value, PullBack pull_back) {
  Pulse::of_this_process().beat();
  nodes_.push_back({std::move(value), nullptr, {}, std::move(pull_back)});
  return {nodes_.size() - 1};
}

void Tape::accumulate(Variable x, Tensor contribution) {
  Tensor& gradient = nodes_[x.index].gradient;
  gradient = gradient.values.empty() ? std::move(contribution)
                                     : reference::add(std::move(gradient), contribution);
}

void Tape::backward(Variable output, Tensor seed) {
  SHARDPROOF_EXPECTS(seed.shape == value(output).shape, to_string(seed.shape));
  accumulate(output, std::move(seed));
  backward();
}

// Every op reads only what stands before it, so the order of creation, reversed, is a valid order.
void Tape::backward() {
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    Pulse::of_this_process().beat();
    const Node& node = nodes_[i];
    if (node.pull_back && !node.gradient.values.empty()) node.pull_back(node.gradient);
  }
}

Variable Tape::leaf(Tensor value) { return push(std::move(value), nullptr); }

Variable Tape::given(const Tensor& value) {
  const Variable x = push({}, nullptr);
  nodes_[x.index].elsewhere = &value;
  return x;
}

Variable Tape::embedding(Variable weight, const Tokens& tokens,
                         std::optional<std::int64_t> padding) {
  const std::int64_t vocabulary = value(weight).rows();
  return push(reference::embedding(value(weight), tokens), [=, this](const Tensor& dy) {
    accumulate(weight, embedding_vjp_weight(dy, tokens, vocabulary, groups_, padding));
  });
}

Variable Tape::rms_norm(Variable x, Variable weight, double eps, double offset) {
  return push(
      reference::rms_norm(value(x), value(weight), eps, offset), [=, this](const Tensor& dy) {
        accumulate(x, rms_norm_vjp_input(dy, value(x), value(weight), eps, offset));
        accumulate(weight, rms_norm_vjp_weight(dy, value(x), eps, groups_, value(weight).size()));
      });
}

Variable Tape::layer_norm(Variable x, Variable weight, Variable bias, double eps) {
  return push(reference::layer_norm(value(x), value(weight), value(bias), eps),
              [=, this](const Tensor& dy) {
                accumulate(x, layer_norm_vjp_input(dy, value(x), value(weight), eps));
                accumulate(weight, layer_norm_vjp_weight(dy, value(x), eps, groups_));
                accumulate(bias, bias_vjp(dy, groups_));
              });
}

Variable Tape::matmul(Variable x, Variable weight, WeightLayout layout) {
  return push(reference::matmul(value(x), value(weight), layout), [=, this](const Tensor& dy) {
    accumulate(x, matmul_vjp_input(dy, value(weight), layout));
    accumulate(weight, matmul_vjp_weight(dy, value(x), groups_, layout));
  });
}

Variable Tape::add_bias(Variable x, Variable bias) {
  return push(reference::add_bias(value(x), value(bias)), [=, this](const Tensor& dy) {
    accumulate(x, dy);
    accumulate(bias, bias_vjp(dy, groups_));
  });
}

Variable Tape::rotary(Variable x, const RotaryTables& tables, const RotaryForm& form) {
  return push(
      reference::rotary(value(x), tables.cos, tables.sin, form),
      [=, this](const Tensor& dy) { accumulate(x, rotary_vjp(dy, tables.cos, tables.sin, form)); });
}

Tape::Attention Tape::attention(Variable q, Variable k, Variable v, const AttentionForm& form,
                                std::optional<Variable> slopes) {
  const auto given = [=, this] { return slopes ? &value(*slopes) : nullptr; };
  AttentionResult<double> result =
      reference::attention(value(q), value(k), value(v), form, given());
  const Variable output = push(std::move(result.output), [=, this](const Tensor& dy) {
    AttentionGradients gradients = attention_vjp(dy, value(q), value(k), value(v), form, given());
    accumulate(q, std::move(gradients.q));
    accumulate(k, std::move(gradients.k));
    accumulate(v, std::move(gradients.v));
  });
  return {output, std::move(result.log_sum_exp)};
}

Variable Tape::swiglu(Variable gate, Variable up) {
  return push(reference::swiglu(value(gate), value(up)), [=, this](const Tensor& dy) {
    SwigluGradients gradients = swiglu_vjp(dy, value(gate), value(up));
    accumulate(gate, std::move(gradients.gate));
    accumulate(up, std::move(gradients.up));
  });
}

Variable Tape::gelu(Variable x, GeluForm form) {
  return push(reference::gelu(value(x), form),
              [=, this](const Tensor& dy) { accumulate(x, gelu_vjp(dy, value(x), form)); });
}

Variable Tape::relu(Variable x) {
  return push(reference::relu(value(x)),
              [=, this](const Tensor& dy) { accumulate(x, relu_vjp(dy, value(x))); });
}

Variable Tape::product(Variable a, Variable b) {
  return push(reference::product(value(a), value(b)), [=, this](const Tensor& dy) {
    accumulate(a, reference::product(dy, value(b)));
    accumulate(b, reference::product(dy, value(a)));
  });
}

Variable Tape::scaled(Variable x, double factor) {
  return push(reference::scaled(value(x), factor),
              [=, this](const Tensor& dy) { accumulate(x, reference::scaled(dy, factor)); });
}

Variable Tape::soft_cap(Variable x, double cap) {
  return push(reference::soft_cap(value(x), cap),
              [=, this](const Tensor& dy) { accumulate(x, soft_cap_vjp(dy, value(x), cap)); });
}

Variable Tape::sigmoid(Variable x) {
  return push(reference::sigmoid(value(x)),
              [=, this](const Tensor& dy) { accumulate(x, sigmoid_vjp(dy, value(x))); });
}

Variable Tape::add(Variable a, Variable b) {
  return push(reference::add(value(a), value(b)), [=, this](const Tensor& dy) {
    accumulate(a, dy);
    accumulate(b, dy);
  });
}

std::vector<Variable> Tape::split(Variable x, const std::vector<std::int64_t>& parts) {
  std::vector<Variable> outputs;
  for (std::size_t k = 0; k < parts.size(); ++k)
    outputs.push_back(push(reference::split(value(x), parts, k), [=, this](const Tensor& dy) {
      accumulate(x, split_vjp(dy, value(x).shape, parts, k));
    }));
  return outputs;
}

Variable Tape::join(const std::vector<Variable>& apart, const std::vector<std::int64_t>& parts) {
  std::vector<Tensor> values;
  for (const Variable x : apart) values.push_back(value(x));
  return push(reference::join(values, parts), [=, this](const Tensor& dy) {
    for (std::size_t k = 0; k < apart.size(); ++k) accumulate(apart[k], join_vjp(dy, parts, k));
  });
}

Variable Tape::repeat_heads(Variable x, std::int64_t heads) {
  return push(reference::repeat_heads(value(x), heads),
              [=, this](const Tensor& dy) { accumulate(x, repeat_heads_vjp(dy, heads)); });
}

Tape::Routing Tape::route(Variable logits, const RoutingRule& rule,
                          std::optional<Variable> correction) {
  const Tensor compared =
      compared_scores(value(logits), correction ? &value(*correction) : nullptr, rule.groups);
  const Tokens selected = chosen_experts(compared, rule.experts_per_token);
  const Variable weights = push(
      expert_weights(value(logits), selected, rule.form, rule.factor), [=, this](const Tensor& dy) {
        accumulate(logits, expert_weights_vjp(dy, value(logits), selected, rule.form, rule.factor));
      });
  return {weights, Tensor(selected.shape, {selected.values.begin(), selected.values.end()})};
}

std::vector<Variable> Tape::dispatch(Variable x, const Tensor& selected, std::int64_t experts,
                                     std::int64_t rows, ExpertRows order) {
  const ExpertRowsOf at(selected.values, selected.columns(), experts, groups_, order);
  std::vector<Variable> parts;
  for (std::int64_t e = 0; e < experts; ++e)
    parts.push_back(push(expert_part(value(x), at, e, rows), [=, this](const Tensor& dy) {
      accumulate(x, expert_part_vjp(dy, at, e, value(x).shape));
    }));
  return parts;
}

Variable Tape::combine(const Tensor& selected, Variable weights, const std::vector<Variable>& parts,
                       ExpertRows order) {
  const ExpertRowsOf at(selected.values, selected.columns(), std::ssize(parts), groups_, order);
  const auto values = [=, this] {
    std::vector<Tensor> rows;
    for (const Variable part : parts) rows.push_back(value(part));
    return rows;
  };
  return push(combined(at, selected.shape, value(weights), values()), [=, this](const Tensor& dy) {
    accumulate(weights, combined_vjp_weights(dy, at, value(weights).shape, values()));
    for (std::size_t e = 0; e < parts.size(); ++e)
      accumulate(parts[e], combined_vjp_part(dy, at, value(weights), static_cast<std::int64_t>(e),
                                             value(parts[e]).rows() / groups_));
  });
}

Variable Tape::cross_entropy(Variable logits, const Tokens& labels) {
  return push(reference::cross_entropy(value(logits), labels, groups_),
              [=, this](const Tensor& dloss) {
                accumulate(logits, cross_entropy_vjp(dloss, value(logits), labels));
              });
}

Variable Tape::squared_error(Variable logits, const Tokens& labels) {
  return push(reference::squared_error(value(logits), labels, groups_),
              [=, this](const Tensor& dloss) {
                accumulate(logits, squared_error_vjp(dloss, value(logits), labels));
              });
}

}  // namespace shardproof::reference
