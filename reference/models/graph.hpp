#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "reference/ops/experts.hpp"
#include "scenarios/dtype.hpp"
#include "scenarios/model/model_description.hpp"

namespace shardproof::reference {

/// The sequences of one micro-step, of all batch groups together.
struct MicroBatch {
  std::int64_t batch = 1;  // B sequences, a group being B / groups consecutive ones
  std::int64_t positions = 1;
  std::int64_t groups = 1;
  double gradient_scale = 1;  // what is differentiated is this times the sum of the groups' losses
  bool scales_loss = false;   // and times the loss scale that a step records (fp16)
  std::optional<std::int64_t> padding = std::nullopt;  // a token that is nobody's label
  /// The model's: some of its constants are numbers of it.
  Dtype working = Dtype::fp64;
};

/// A tensor of a graph: a position, nothing more.
struct Value {
  std::size_t index = 0;
};

/// The rows of a tensor are those of the tokens that chose an expert.
struct GraphRows {
  Value selected;
  std::int64_t expert;
};

/// What a graph knows of a tensor: where it is recorded, and its shape. B and T are numbers.
struct GraphTensor {
  /// table: given once for all ("rotary_cos"); data: of a micro-step ("tokens", "labels");
  /// untrained: stored with the parameters, but as it is read for all steps.
  enum class Kind { table, data, parameter, untrained, forward };
  Kind kind;
  std::string module;  // of a table or of data: ""
  std::string role;    // "output", "weight", "tokens"
  Shape shape;
  bool needs_gradient = false;                   // it is, or depends on, a parameter
  std::optional<GraphRows> rows = std::nullopt;  // none: all rows are there

  /// "model.norm.weight".
  std::string parameter() const { return module + "." + role; }
};

/// One function of the model. What it computes, and how gradients flow back through it, stands in
/// the table of node rules (node_rules.hpp), by kind.
struct Node {
  UnitKind kind;
  UnitAttributes attributes;
  std::string module;
  std::vector<Value> inputs;   // the arguments of the kind, in order
  std::vector<Value> outputs;  // one; of an attention also the log-sum-exp; of a split several
};

struct Rotary {
  Value cos, sin;
};
/// The experts of each token, and how they are weighed: (B, T, k) both.
struct Routing {
  Value selected, weights;
};

/// The forward pass of an unsharded model over one micro-batch, as data. A family tells it once, by
/// the building functions below (reference/models); values, gradients and the list of reference
/// units follow from it.
///
///     Graph net(model.parameters, micro_batch);
///     Value x = net.embedding("model.embed_tokens", net.tokens());
///     x = net.rms_norm("model.norm", x, 1e-5);      // forward/model.norm/output
///     net.loss(net.linear("lm_head", x));           // forward/lm_head/output, forward/loss/output
///
/// Every tensor has a name of its own, module and role; two of one name are an InvariantError.
class Graph {
 public:
  Graph(const std::vector<ParameterDescription>& parameters, const MicroBatch& micro_batch,
        const std::vector<ParameterDescription>& untrained = {});

  // What is given.
  Value tokens() const { return tokens_; }  // (B, T)
  /// (B, T), `first` to `first` + T - 1 in each row.
  Value positions(std::int64_t first = 0);
  Value parameter(const std::string& name);  // "model.norm.weight", or what is not trained
  bool has_parameter(const std::string& name) const { return parameters_.contains(name); }
  /// cos and sin (T, width / 2): `width` elements of a head are turned. Names end in `suffix`.
  Rotary rotary_tables(std::int64_t width, const RotaryFrequencies& frequencies,
                       const std::string& suffix = "");
  Value alibi_slopes(std::int64_t heads);  // (heads)

  // The functions, in the words of ops.hpp. Where no role is asked for it is "output".
  /// `padding`: a row that the lookup gives no gradient.
  Value embedding(const std::string& module, Value indices,
                  std::optional<std::int64_t> padding = std::nullopt);
  /// With `offset` added to the weight.
  Value rms_norm(const std::string& module, Value x, double eps, double offset = 0);
  Value layer_norm(const std::string& module, Value x, double eps);
  /// x W^T, and + bias if the model has a parameter module.bias: then the roles are product and
  /// output. The weight of a conv1d is (in, out). `weight` names another module's parameter, where
  /// embeddings are tied.
  Value linear(const std::string& module, Value x, const std::string& weight = "");
  Value rotary(const std::string& module, const std::string& role, Value x, const Rotary& tables,
               const RotaryForm& form = {});
  /// Roles attention and lse. With slopes of ALiBi, if there are any.
  Value attention(const std::string& module, Value q, Value k, Value v, const AttentionForm& form,
                  std::optional<Value> slopes = std::nullopt);
  Value swiglu(const std::string& module, Value gate, Value up);  // role activation
  Value gelu(const std::string& module, Value x, GeluForm form);  // role activation
  Value relu(const std::string& module, Value x);                 // role activation
  Value product(const std::string& module, const std::string& role, Value a, Value b);
  Value scaled(const std::string& module, const std::string& role, Value x, double factor);
  Value soft_cap(const std::string& module, const std::string& role, Value x, double cap);
  Value sigmoid(const std::string& module, const std::string& role, Value x);
  Value add(const std::string& module, const std::string& role, Value a, Value b);
  /// The features of each head are `widths` side by side (a fused [Q; K; V] is one such head): one
  /// tensor a part, of the roles given; and back.
  std::vector<Value> split(const std::string& module, const std::vector<std::string>& roles,
                           Value x, const std::vector<std::int64_t>& widths);
  Value join(const std::string& module, const std::string& role, const std::vector<Value>& apart,
             const std::vector<std::int64_t>& widths);
  /// One head's features, again for each of `heads`.
  Value repeat_heads(const std::string& module, const std::string& role, Value x,
                     std::int64_t heads);
  /// Roles selected and weights, by logits or scores. `correction` names what is added to the
  /// scores that are compared.
  Routing route(const std::string& module, Value logits, const RoutingRule& rule,
                const std::string& correction = "");
  /// The tokens of each expert, role tokens of module.experts.e: (groups * N, C), of each group of
  /// N tokens those that chose it first, then zeros.
  std::vector<Value> dispatch(const std::string& module, Value x, const Routing& routing,
                              std::int64_t experts, ExpertRows order);
  /// Each token's rows, weighed and added.
  Value combine(const std::string& module, const std::string& role, const Routing& routing,
                const std::vector<Value>& parts, ExpertRows order);
  /// Mean loss of each batch group, of predicting the next token: cross-entropy, or squared error.
  /// Comes last.
  Value loss(Value logits, UnitKind kind = UnitKind::cross_entropy);

  const MicroBatch& micro_batch() const { return micro_batch_; }
  /// Whether the last node is the loss; without it, nothing has a gradient.
  bool has_loss() const { return has_loss_; }
  const std::vector<Node>& nodes() const { return nodes_; }  // in order of computation
  const std::vector<GraphTensor>& tensors() const { return tensors_; }
  const GraphTensor& tensor(Value value) const { return tensors_[value.index]; }
  const Shape& shape(Value value) const { return tensor(value).shape; }
  /// The model's parameters, and what is not trained of it, that no function takes.
  std::vector<std::string> unused_parameters() const;

 private:
  using Kind = GraphTensor::Kind;
  Value tensor(Kind kind, const std::string& module, const std::string& role, Shape shape);
  /// A node with one output, forward/module/role.
  Value append(UnitKind kind, const std::string& module, const std::string& role,
               std::vector<Value> inputs, Shape shape, const UnitAttributes& attributes = {});
  /// One more output of the last node, through which no gradient flows.
  void by_product(const std::string& role, Shape shape);
  void append_to(const std::vector<Value>& outputs, UnitKind kind, std::vector<Value> inputs,
                 const UnitAttributes& attributes = {});

  std::map<std::string, ParameterDescription> parameters_, untrained_;
  MicroBatch micro_batch_;
  std::vector<GraphTensor> tensors_;
  std::map<std::string, Value> by_name_;
  std::vector<Node> nodes_;
  Value tokens_;
  bool has_loss_ = false;
};

/// How gradients reach a tensor, by its index: one contribution from each use that a loss depends
/// on. None: it has no gradient.
///
/// | uses                                 | its gradient is                                |
/// |--------------------------------------|------------------------------------------------|
/// | one, which hands on its own gradient | that of the use's output: no tensor of its own |
/// | one                                  | the contribution, under the gradient's name    |
/// | several                              | their sum, added in the order of backward      |
struct GradientFlow {
  std::vector<int> contributions;
  std::vector<bool> own;  // the gradient is a tensor of its own

  /// Whether some output of a node has a gradient.
  bool reaches(const Node& node) const;
};
GradientFlow gradient_flow(const Graph& graph);

}  // namespace shardproof::reference
