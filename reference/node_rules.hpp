#pragma once

#include <optional>
#include <vector>

#include "reference/graph.hpp"
#include "reference/tape.hpp"

namespace shardproof::reference {

/// Where a unit that belongs to a node takes an argument from.
struct Argument {
  enum class Of { input, output, gradient };
  Of of;
  std::size_t index = 0;
};
constexpr Argument input(std::size_t i) { return {Argument::Of::input, i}; }
constexpr Argument output(std::size_t i) { return {Argument::Of::output, i}; }
/// The gradient of the loss with respect to the node's output.
constexpr Argument dy() { return {Argument::Of::gradient, 0}; }

/// How the gradient with respect to one input of a node is computed.
struct BackwardRule {
  std::size_t input;
  const char* name;              // of the input: grad_gate, where a node has several
  std::optional<UnitKind> kind;  // none: the gradient of the output is handed on as it is
  std::vector<Argument> arguments;
};

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

/// All there is to know of a kind of node. Its first output is the unit of its kind, on all inputs.
struct NodeRule {
  UnitKind kind;
  std::vector<ByProduct> by_products;
  std::vector<BackwardRule> backward;  // in the order in which contributions are made
  /// The values of the outputs.
  std::vector<Variable> (*evaluate)(const NodeCall&);
};

/// Throws InvariantError for a kind that is no node's.
const NodeRule& rule_of(UnitKind kind);

}  // namespace shardproof::reference
