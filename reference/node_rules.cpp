#include "reference/node_rules.hpp"

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

Tensor numbers(const Tokens& tokens) {
  return Tensor(tokens.shape, {tokens.values.begin(), tokens.values.end()});
}

RotaryTables tables(const Call& c, std::size_t cos, std::size_t sin) {
  return {c.tape.value(c.inputs[cos]), c.tape.value(c.inputs[sin])};
}

RotaryTables tables(const UnitAttributes& a) {
  return rotary_tables(a.extent, a.head_dim, a.theta);
}

Variables attend(const Call& c) {
  Tape::Attention result =
      c.tape.attention(c.inputs[0], c.inputs[1], c.inputs[2], c.attributes.head_dim);
  return {result.output, c.tape.leaf(std::move(result.log_sum_exp))};
}

// dout, q, k, v, o, lse.
const std::vector<Argument> attention_arguments{dy(),     input(0),  input(1),
                                                input(2), output(0), output(1)};

// clang-format off
const std::vector<NodeRule> rules{
    {Kind::rotary_table_cos, {}, {},
     [](const Call& c) { return Variables{c.tape.leaf(tables(c.attributes).cos)}; }},
    {Kind::rotary_table_sin, {}, {},
     [](const Call& c) { return Variables{c.tape.leaf(tables(c.attributes).sin)}; }},
    {Kind::shift_labels, {}, {},
     [](const Call& c) { return Variables{c.tape.leaf(numbers(shift_labels(integers(c, 0))))}; }},

    {Kind::embedding, {},
     {{0, "weight", Kind::embedding_backward, {dy(), input(1)}}},
     [](const Call& c) { return Variables{c.tape.embedding(c.inputs[0], integers(c, 1))}; }},

    {Kind::rms_norm, {},
     {{0, "input", Kind::rms_norm_backward_input, {dy(), input(0), input(1)}},
      {1, "weight", Kind::rms_norm_backward_weight, {dy(), input(0)}}},
     [](const Call& c) {
       return Variables{c.tape.rms_norm(c.inputs[0], c.inputs[1], c.attributes.eps)}; }},

    {Kind::matmul, {},
     {{0, "input", Kind::matmul_backward_input, {dy(), input(1)}},
      {1, "weight", Kind::matmul_backward_weight, {dy(), input(0)}}},
     [](const Call& c) { return Variables{c.tape.matmul(c.inputs[0], c.inputs[1])}; }},

    {Kind::add_bias, {},
     {{0, "input", {}, {}},
      {1, "bias", Kind::bias_backward, {dy()}}},
     [](const Call& c) { return Variables{c.tape.add_bias(c.inputs[0], c.inputs[1])}; }},

    {Kind::rotary, {},
     {{0, "input", Kind::rotary_backward, {dy(), input(1), input(2)}}},
     [](const Call& c) { return Variables{c.tape.rotary(c.inputs[0], tables(c, 1, 2))}; }},

    {Kind::attention, {{Kind::attention_lse, {input(0), input(1)}}},
     {{0, "query", Kind::attention_backward_q, attention_arguments},
      {1, "key", Kind::attention_backward_k, attention_arguments},
      {2, "value", Kind::attention_backward_v, attention_arguments}},
     attend},

    {Kind::swiglu, {},
     {{0, "gate", Kind::swiglu_backward_gate, {dy(), input(0), input(1)}},
      {1, "up", Kind::swiglu_backward_up, {dy(), input(0), input(1)}}},
     [](const Call& c) { return Variables{c.tape.swiglu(c.inputs[0], c.inputs[1])}; }},

    {Kind::add, {},
     {{0, "a", {}, {}},
      {1, "b", {}, {}}},
     [](const Call& c) { return Variables{c.tape.add(c.inputs[0], c.inputs[1])}; }},

    {Kind::cross_entropy, {},
     {{0, "input", Kind::cross_entropy_backward, {input(0), input(1)}}},
     [](const Call& c) { return Variables{c.tape.cross_entropy(c.inputs[0], integers(c, 1))}; }},
};
// clang-format on

}  // namespace

const NodeRule& rule_of(UnitKind kind) {
  const auto rule = std::ranges::find(rules, kind, &NodeRule::kind);
  SHARDPROOF_EXPECTS(rule != rules.end(), name_of(kind), "is no kind of node");
  return *rule;
}

}  // namespace shardproof::reference
