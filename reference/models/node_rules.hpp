#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reference/models/graph.hpp"
#include "reference/ops/tape.hpp"

namespace shardproof::reference {

/// Where a unit that belongs to a node takes an argument from.
struct Argument {
  enum class Of { input, optional_input, inputs_from, output, gradient, gradients };
  Of of;
  std::size_t index = 0;
};
constexpr Argument input(std::size_t i) { return {Argument::Of::input, i}; }
/// Left out if the node has not so many inputs.
constexpr Argument optional_input(std::size_t i) { return {Argument::Of::optional_input, i}; }
/// All inputs from number i on.
constexpr Argument inputs_from(std::size_t i) { return {Argument::Of::inputs_from, i}; }
constexpr Argument output(std::size_t i) { return {Argument::Of::output, i}; }
/// The gradient of the loss with respect to the node's output; to each of its outputs, in order.
constexpr Argument dy() { return {Argument::Of::gradient}; }
constexpr Argument each_dy() { return {Argument::Of::gradients}; }

/// How the gradient with respect to one input of a node is computed.
struct BackwardRule {
  std::size_t input;             // each_input: a rule for each input k from `first` on
  std::string name;              // of the input: grad_gate, where a node has several
  std::optional<UnitKind> kind;  // none: the gradient of the output is handed on as it is
  std::vector<Argument> arguments;
  std::size_t first = 0;  // the unit of input k has attribute part = k - first
};
inline constexpr std::size_t each_input = static_cast<std::size_t>(-1);

/// One more output of a node, through which no gradient flows.
struct ByProduct {
  UnitKind kind;
  std::vector<Argument> arguments;
};

/// A node as it is evaluated: variables of a tape.
struct NodeCall {
  Tape& tape;
  const UnitAttributes& attributes;
  std::vector<Variable> inputs;
};

/// All there is to know of a kind of node. An output that is no by-product is the unit of the
/// node's kind, on all inputs; of several, output k has attribute part = k.
struct NodeRule {
  UnitKind kind;
  std::vector<ByProduct> by_products;  // behind the other outputs
  std::vector<BackwardRule> backward;  // in the order in which contributions are made
  /// The values of the outputs.
  std::vector<Variable> (*evaluate)(const NodeCall&);
};

/// Throws InvariantError for a kind that is no node's.
const NodeRule& rule_of(UnitKind kind);

/// The backward rules of a node, input by input.
std::vector<BackwardRule> backward_rules(const Node& node);

}  // namespace shardproof::reference
