#include "reference/models/node_rules.hpp"

#include <algorithm>

namespace shardproof::reference {

namespace {

using Kind = UnitKind;
using Call = NodeCall;
using Variables = std::vector<Variable>;

/// Token ids, labels: integers of any size that a double holds exactly.
Tokens integers(const Tensor& tensor) {
  return Tokens(tensor.shape, {tensor.values.begin(), tensor.values.end()});
}
Tokens integers(const Call& c, std::size_t i) { return integers(c.tape.value(c.inputs[i])); }

/// 0, 1, ..., T - 1 in each row.
Tensor rows(const Tokens& tokens, double first) {
  Tensor positions(tokens.shape);
  for (std::int64_t i = 0; i < positions.size(); ++i)
    positions[i] = first + static_cast<double>(i % positions.columns());
  return positions;
}

Tensor numbers(const Tokens& tokens) {
  return Tensor(tokens.shape, {tokens.values.begin(), tokens.values.end()});
}

RotaryTables tables(const Call& c, std::size_t cos, std::size_t sin) {
  return {c.tape.value(c.inputs[cos]), c.tape.value(c.inputs[sin])};
}

RotaryTables tables(const UnitAttributes& a) {
  return rotary_tables(a.extent, a.head_dim, a.frequencies);
}

Variables attend(const Call& c) {
  const std::optional<Variable> slopes =
      c.inputs.size() > 3 ? std::optional(c.inputs[3]) : std::nullopt;
  Tape::Attention result =
      c.tape.attention(c.inputs[0], c.inputs[1], c.inputs[2], c.attributes.attention, slopes);
  return {result.output, c.tape.leaf(std::move(result.log_sum_exp))};
}

Variables route(const Call& c) {
  const RoutingRule rule{.experts_per_token = c.attributes.experts_per_token,
                         .form = c.attributes.route,
                         .factor = c.attributes.factor,
                         .groups = c.attributes.expert_groups};
  Tape::Routing routing = c.tape.route(
      c.inputs[0], rule, c.inputs.size() > 1 ? std::optional(c.inputs[1]) : std::nullopt);
  return {routing.weights, c.tape.leaf(std::move(routing.selected))};
}

// dout, q, k, v, o, lse, and slopes if there are any.
const std::vector<Argument> attention_arguments{dy(),      input(0),  input(1),         input(2),
                                                output(0), output(1), optional_input(3)};

// clang-format off
const std::vector<NodeRule> rules{
    {Kind::rotary_table_cos, {}, {},
     [](const Call& c) { return Variables{c.tape.leaf(tables(c.attributes).cos)}; }},
    {Kind::rotary_table_sin, {}, {},
     [](const Call& c) { return Variables{c.tape.leaf(tables(c.attributes).sin)}; }},
    {Kind::alibi_slopes, {}, {},
     [](const Call& c) { return Variables{c.tape.leaf(alibi_slopes(c.attributes.heads))}; }},
    {Kind::shift_labels, {}, {},
     [](const Call& c) {
       return Variables{
           c.tape.leaf(numbers(shift_labels(integers(c, 0), c.attributes.padding)))};
     }},

    {Kind::positions, {}, {},
     [](const Call& c) {
       return Variables{c.tape.leaf(rows(integers(c, 0), c.attributes.offset))}; }},

    {Kind::embedding, {},
     {{0, "weight", Kind::embedding_backward, {dy(), input(1)}}},
     [](const Call& c) {
       return Variables{c.tape.embedding(c.inputs[0], integers(c, 1), c.attributes.padding)}; }},

    {Kind::rms_norm, {},
     {{0, "input", Kind::rms_norm_backward_input, {dy(), input(0), input(1)}},
      {1, "weight", Kind::rms_norm_backward_weight, {dy(), input(0)}}},
     [](const Call& c) {
       return Variables{c.tape.rms_norm(c.inputs[0], c.inputs[1], c.attributes.eps,
                                        c.attributes.offset)}; }},

    {Kind::layer_norm, {},
     {{0, "input", Kind::layer_norm_backward_input, {dy(), input(0), input(1)}},
      {1, "weight", Kind::layer_norm_backward_weight, {dy(), input(0)}},
      {2, "bias", Kind::bias_backward, {dy()}}},
     [](const Call& c) {
       return Variables{
           c.tape.layer_norm(c.inputs[0], c.inputs[1], c.inputs[2], c.attributes.eps)}; }},

    {Kind::matmul, {},
     {{0, "input", Kind::matmul_backward_input, {dy(), input(1)}},
      {1, "weight", Kind::matmul_backward_weight, {dy(), input(0)}}},
     [](const Call& c) {
       return Variables{
           c.tape.matmul(c.inputs[0], c.inputs[1], c.attributes.weight_layout)}; }},

    {Kind::add_bias, {},
     {{0, "input", {}, {}},
      {1, "bias", Kind::bias_backward, {dy()}}},
     [](const Call& c) { return Variables{c.tape.add_bias(c.inputs[0], c.inputs[1])}; }},

    {Kind::rotary, {},
     {{0, "input", Kind::rotary_backward, {dy(), input(1), input(2)}}},
     [](const Call& c) {
       return Variables{c.tape.rotary(c.inputs[0], tables(c, 1, 2),
                                      {c.attributes.head_dim, c.attributes.pairing})}; }},

    {Kind::attention, {{Kind::attention_lse, {input(0), input(1), optional_input(3)}}},
     {{0, "query", Kind::attention_backward_q, attention_arguments},
      {1, "key", Kind::attention_backward_k, attention_arguments},
      {2, "value", Kind::attention_backward_v, attention_arguments}},
     attend},

    {Kind::swiglu, {},
     {{0, "gate", Kind::swiglu_backward_gate, {dy(), input(0), input(1)}},
      {1, "up", Kind::swiglu_backward_up, {dy(), input(0), input(1)}}},
     [](const Call& c) { return Variables{c.tape.swiglu(c.inputs[0], c.inputs[1])}; }},

    {Kind::gelu, {},
     {{0, "input", Kind::gelu_backward, {dy(), input(0)}}},
     [](const Call& c) { return Variables{c.tape.gelu(c.inputs[0], c.attributes.gelu)}; }},

    {Kind::relu, {},
     {{0, "input", Kind::relu_backward, {dy(), input(0)}}},
     [](const Call& c) { return Variables{c.tape.relu(c.inputs[0])}; }},

    {Kind::product, {},
     {{0, "a", Kind::product, {dy(), input(1)}},
      {1, "b", Kind::product, {dy(), input(0)}}},
     [](const Call& c) { return Variables{c.tape.product(c.inputs[0], c.inputs[1])}; }},

    {Kind::scale, {},
     {{0, "input", Kind::scale, {dy()}}},
     [](const Call& c) { return Variables{c.tape.scaled(c.inputs[0], c.attributes.factor)}; }},

    {Kind::soft_cap, {},
     {{0, "input", Kind::soft_cap_backward, {dy(), input(0)}}},
     [](const Call& c) { return Variables{c.tape.soft_cap(c.inputs[0], c.attributes.cap)}; }},

    {Kind::sigmoid, {},
     {{0, "input", Kind::sigmoid_backward, {dy(), input(0)}}},
     [](const Call& c) { return Variables{c.tape.sigmoid(c.inputs[0])}; }},

    {Kind::add, {},
     {{0, "a", {}, {}},
      {1, "b", {}, {}}},
     [](const Call& c) { return Variables{c.tape.add(c.inputs[0], c.inputs[1])}; }},

    {Kind::split, {},
     {{0, "input", Kind::join, {each_dy()}}},
     [](const Call& c) { return c.tape.split(c.inputs[0], c.attributes.parts); }},
    {Kind::join, {},
     {{each_input, "part", Kind::split, {dy()}}},
     [](const Call& c) { return Variables{c.tape.join(c.inputs, c.attributes.parts)}; }},
    {Kind::repeat_heads, {},
     {{0, "input", Kind::sum_heads, {dy()}}},
     [](const Call& c) {
       return Variables{c.tape.repeat_heads(c.inputs[0], c.attributes.extent)}; }},

    {Kind::route_weights, {{Kind::route_selected, {input(0), optional_input(1)}}},
     {{0, "input", Kind::route_backward, {dy(), input(0), output(1)}}},
     route},
    {Kind::moe_dispatch, {},
     {{0, "input", Kind::moe_dispatch_backward, {input(1), each_dy()}}},
     [](const Call& c) {
       return c.tape.dispatch(c.inputs[0], c.tape.value(c.inputs[1]), c.attributes.experts,
                              c.attributes.extent, c.attributes.expert_rows); }},
    {Kind::moe_combine, {},
     {{1, "weights", Kind::moe_combine_backward_weights, {dy(), input(0), inputs_from(2)}},
      {each_input, "expert", Kind::moe_combine_backward_rows, {dy(), input(0), input(1)}, 2}},
     [](const Call& c) {
       return Variables{c.tape.combine(c.tape.value(c.inputs[0]), c.inputs[1],
                                       {c.inputs.begin() + 2, c.inputs.end()},
                                       c.attributes.expert_rows)}; }},

    {Kind::cross_entropy, {},
     {{0, "input", Kind::cross_entropy_backward, {input(0), input(1)}}},
     [](const Call& c) { return Variables{c.tape.cross_entropy(c.inputs[0], integers(c, 1))}; }},
    {Kind::squared_error, {},
     {{0, "input", Kind::squared_error_backward, {input(0), input(1)}}},
     [](const Call& c) { return Variables{c.tape.squared_error(c.inputs[0], integers(c, 1))}; }},
};
// clang-format on

}  // namespace

const NodeRule& rule_of(UnitKind kind) {
  const auto rule = std::ranges::find(rules, kind, &NodeRule::kind);
  SHARDPROOF_EXPECTS(rule != rules.end(), name_of(kind), "is no kind of node");
  return *rule;
}

std::vector<BackwardRule> backward_rules(const Node& node) {
  std::vector<BackwardRule> rules_of_inputs;
  for (const BackwardRule& rule : rule_of(node.kind).backward) {
    if (rule.input != each_input) {
      rules_of_inputs.push_back(rule);
      continue;
    }
    for (std::size_t k = rule.first; k < node.inputs.size(); ++k)
      rules_of_inputs.push_back({k, rule.name + "_" + std::to_string(k - rule.first), rule.kind,
                                 rule.arguments, rule.first});
  }
  return rules_of_inputs;
}

}  // namespace shardproof::reference
