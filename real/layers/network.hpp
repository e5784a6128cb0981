#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "real/layers/layer.hpp"
#include "real/layers/rotary.hpp"

namespace shardproof::real {

/// Lowers a model from its forward pass. The caller tells that pass as if nothing were cut:
///
///   ValueId x = net.embedding("model.embed_tokens", net.tokens());
///   x = net.linear("lm_head", net.rms_norm("model.norm", x));
///   net.cross_entropy(x);
///   net.backward();
///
/// Every call appends ops and writes itself on a tape. Which class of layer a linear module becomes
/// is what the scenario's partition says of it, as AutoTP replaces modules. `backward` walks the tape
/// from its end and adds what several consumers of a value give back to it:
///
///   one consumer       its contribution is the gradient: backward/<module>/grad_<role> of a value
///                      forward/<module>/<role>
///   several consumers  backward/<consumer>/grad_input from each (of several inputs, grad_<argument>),
///                      added in the order in which backward meets them, last consumer first: ..._sum_1,
///                      ..._sum_2, and the last sum is the gradient
///   a sum's terms      take the sum's gradient as it is
class Network {
 public:
  explicit Network(Builder& builder) : builder_(builder), gradients_(builder) {}

  const ModelDescription& model() const { return builder_.model(); }

  /// The tokens of a micro-batch, (B, T).
  ValueId tokens();
  /// cos and sin of the model's rope_theta and head_dim, computed once a run.
  RotaryTable rotary_table();

  ValueId embedding(const std::string& module, ValueId tokens);
  ValueId rms_norm(const std::string& module, ValueId x);
  /// A module without a weight of its own uses that of module `tied_to`.
  ValueId linear(const std::string& module, ValueId x, const std::string& tied_to = "");
  /// `what`: "query" or "key".
  ValueId rotary(const std::string& module, const std::string& what, ValueId x, RotaryTable table);
  ValueId attention(const std::string& module, ValueId q, ValueId k, ValueId v);
  ValueId swiglu(const std::string& module, ValueId gate, ValueId up);
  /// forward/`module`/`role` = a + b.
  ValueId add(const std::string& module, const std::string& role, ValueId a, ValueId b);
  /// The loss: each token predicts the next one of `tokens()`.
  ValueId cross_entropy(ValueId logits);

  void backward();

 private:
  struct Argument {
    std::string name;  // "input", or what tells it from others: "gate"
    ValueId value;
  };
  struct Step {
    std::unique_ptr<Layer> layer;
    std::string module;
    std::vector<Argument> arguments;  // those that a gradient may flow to
    std::vector<ValueId> outputs;
  };
  // What comes back to a value that some layer computed.
  struct Flow {
    int consumers = 0;
    int arrived = 0;
    ValueId gradient = -1;
  };

  Site site(const std::string& module) { return {builder_, gradients_, module}; }
  ValueId record(const std::string& module, std::unique_ptr<Layer> layer,
                 std::vector<Argument> arguments, ValueId output);
  std::string name_of_contribution(const Step& step, const Argument& argument) const;
  std::string name_of_gradient(ValueId value) const;
  void arrive(ValueId value, ValueId contribution);

  Builder& builder_;
  ParameterGradients gradients_;
  ValueId tokens_ = -1;
  std::vector<Step> tape_;
  std::map<ValueId, Flow> flows_;
};

}  // namespace shardproof::real
