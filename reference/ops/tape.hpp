#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "reference/ops/derivatives.hpp"
#include "reference/ops/experts.hpp"
#include "reference/ops/ops.hpp"
#include "reference/ops/tensor.hpp"

namespace shardproof::reference {

/// A tensor on a tape: a position, nothing more.
struct Variable {
  std::size_t index = 0;
};

/// Reverse-mode differentiation (Griewank & Walther 2008, section 3.2). Each call computes an op's
/// output at once and notes how a gradient flows back through it; backward() walks the notes from
/// last to first.
///
///     Tape tape(1);
///     Variable x = tape.leaf(...), w = tape.leaf(...);
///     Variable y = tape.matmul(x, w);
///     tape.backward(y, ones);
///     tape.gradient(x);             // ones w
///
/// The gradient of a weight keeps its batch groups apart: its shape is (groups, *weight shape).
class Tape {
 public:
  explicit Tape(std::int64_t groups) : groups_(groups) {}
  Tape(const Tape&) = delete;  // the notes refer to this tape
  Tape& operator=(const Tape&) = delete;

  /// A weight or an input: something with a value and no history.
  Variable leaf(Tensor value);
  /// The same of a value that lies elsewhere, for as long as the tape.
  Variable given(const Tensor& value);

  /// `padding`: a row of the weight that is a constant.
  Variable embedding(Variable weight, const Tokens& tokens,
                     std::optional<std::int64_t> padding = std::nullopt);
  Variable rms_norm(Variable x, Variable weight, double eps, double offset = 0);
  Variable layer_norm(Variable x, Variable weight, Variable bias, double eps);
  Variable matmul(Variable x, Variable weight, WeightLayout layout = WeightLayout::out_in);
  Variable add_bias(Variable x, Variable bias);
  Variable rotary(Variable x, const RotaryTables& tables, const RotaryForm& form = {});
  struct Attention {
    Variable output;
    Tensor log_sum_exp;  // (B, h, T); no gradient flows through it
  };
  Attention attention(Variable q, Variable k, Variable v, const AttentionForm& form,
                      std::optional<Variable> slopes = std::nullopt);
  Variable swiglu(Variable gate, Variable up);
  Variable gelu(Variable x, GeluForm form);
  Variable relu(Variable x);
  Variable product(Variable a, Variable b);
  Variable scaled(Variable x, double factor);
  Variable soft_cap(Variable x, double cap);
  Variable sigmoid(Variable x);
  Variable add(Variable a, Variable b);
  /// One variable a part.
  std::vector<Variable> split(Variable x, const std::vector<std::int64_t>& parts);
  Variable join(const std::vector<Variable>& apart, const std::vector<std::int64_t>& parts);
  Variable repeat_heads(Variable x, std::int64_t heads);
  struct Routing {
    Variable weights;  // (B, T, k)
    Tensor selected;   // the experts; no gradient flows through them
  };
  /// Of logits or scores; `correction` is added where they are compared.
  Routing route(Variable logits, const RoutingRule& rule,
                std::optional<Variable> correction = std::nullopt);
  /// One variable an expert, of `rows` rows for each batch group.
  std::vector<Variable> dispatch(Variable x, const Tensor& selected, std::int64_t experts,
                                 std::int64_t rows, ExpertRows order);
  Variable combine(const Tensor& selected, Variable weights, const std::vector<Variable>& parts,
                   ExpertRows order);
  /// (groups): the mean loss of each batch group.
  Variable cross_entropy(Variable logits, const Tokens& labels);
  Variable squared_error(Variable logits, const Tokens& labels);

  const Tensor& value(Variable x) const {
    const Node& node = nodes_[x.index];
    return node.elsewhere != nullptr ? *node.elsewhere : node.value;
  }
  /// Takes it off the tape. Not of one that is given, and not before a gradient flows back.
  Tensor take_value(Variable x) { return std::move(nodes_[x.index].value); }

  /// Computes the gradients of sum(seed * value(output)) with respect to everything before it.
  /// Once for a tape.
  void backward(Variable output, Tensor seed);
  /// The same in two steps, where gradients flow into a tape at several of its variables: to what
  /// has flowed into them, this tape adds its own.
  void seed(Variable x, Tensor gradient) { accumulate(x, std::move(gradient)); }
  void backward();
  /// Shape of the value; of a weight, (groups, *shape). Empty if nothing flowed back to x.
  const Tensor& gradient(Variable x) const { return nodes_[x.index].gradient; }
  Tensor take_gradient(Variable x) { return std::move(nodes_[x.index].gradient); }

 private:
  /// Adds an op's contributions to its inputs' gradients, given the gradient of its output.
  using PullBack = std::function<void(const Tensor& dy)>;
  struct Node {
    Tensor value;
    const Tensor* elsewhere;  // the value, if it is given
    Tensor gradient;
    PullBack pull_back;  // empty for a leaf
  };
  Variable push(Tensor value, PullBack pull_back);
  void accumulate(Variable x, Tensor contribution);

  std::int64_t groups_;
  std::vector<Node> nodes_;
};

}  // namespace shardproof::reference
