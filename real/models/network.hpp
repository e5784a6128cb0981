#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "real/layers/experts.hpp"
#include "real/layers/layer.hpp"
#include "real/layers/rotary.hpp"

namespace shardproof::real {

/// Lowers a model from its forward pass. The caller tells that pass as if nothing were cut:
///
///   ValueId x = net.embedding("model.embed_tokens", net.tokens());
///   x = net.linear("lm_head", net.rms_norm("model.norm", x));
///   net.loss(x);
///   net.backward();
///
/// Every call appends ops and, in training, writes itself on a tape. Which class of layer a linear
/// module becomes is what the scenario's partition says of it, as AutoTP replaces modules.
/// `backward` walks the tape from its end and adds what several consumers of a value give back to
/// it:
///
///   one consumer       its contribution is the gradient: backward/<module>/grad_<role> of a value
///                      forward/<module>/<role>
///   several consumers  backward/<consumer>/grad_input from each
///                      (of several inputs, grad_<argument>), added in the order in which backward
///                      meets them, last consumer first: ..._sum_1, ..._sum_2, and the last sum is
///                      the gradient
///   a sum's terms      take the sum's gradient as it is
class Network {
 public:
  /// `take` is told each parameter's gradient, in the order in which backward completes them.
  explicit Network(Builder& builder, ParameterGradients::Take take = {})
      : builder_(builder), gradients_(builder, std::move(take)) {}

  const ModelDescription& model() const { return builder_.model(); }
  Dtype working() const { return builder_.policy().working; }
  /// T, the tokens of a sequence.
  std::int64_t sequence() const { return builder_.scenario().data.sequence; }

  /// The tokens of a micro-batch, (B, T): loaded here, or in an earlier segment.
  ValueId tokens();
  ValueId tokens(ValueId loaded);
  /// (B, T): `first` to `first` + T - 1 in each row.
  ValueId positions(std::int64_t first = 0);
  /// cos and sin for `width` elements of a head, computed once a run. `suffix` tells the names of a
  /// second pair from those of the first: "_local".
  RotaryTable rotary_table(std::int64_t width, const RotaryFrequencies& frequencies,
                           const std::string& suffix = "");
  /// ALiBi's slopes of the heads of the queries q, cut as they are; computed once a run.
  ValueId alibi_slopes(ValueId q);

  /// `padding`: a row whose gradient the lookup leaves at zero.
  ValueId embedding(const std::string& module, ValueId tokens,
                    std::optional<std::int64_t> padding = std::nullopt);
  ValueId rms_norm(const std::string& module, ValueId x);  // with the model's rms_norm_eps
  ValueId rms_norm(const std::string& module, ValueId x, double eps);
  ValueId layer_norm(const std::string& module, ValueId x);
  /// A module without a weight of its own uses that of module `tied_to`.
  ValueId linear(const std::string& module, ValueId x, const std::string& tied_to = "");
  /// `what`: "query" or "key".
  ValueId rotary(const std::string& module, const std::string& what, ValueId x, RotaryTable table,
                 const RotaryForm& form = {});
  /// With slopes of ALiBi, if there are any. Without a form, heads are as wide as the model says.
  ValueId attention(const std::string& module, ValueId q, ValueId k, ValueId v,
                    AttentionForm form = {}, ValueId slopes = -1);
  ValueId swiglu(const std::string& module, ValueId gate, ValueId up);
  ValueId gelu(const std::string& module, ValueId x, GeluForm form);
  ValueId relu(const std::string& module, ValueId x);
  ValueId product(const std::string& module, const std::string& role, ValueId a, ValueId b);
  ValueId scaled(const std::string& module, const std::string& role, ValueId x, double factor);
  ValueId soft_cap(const std::string& module, const std::string& role, ValueId x, double cap);
  ValueId sigmoid(const std::string& module, const std::string& role, ValueId x);
  /// forward/`module`/`role` = a + b.
  ValueId add(const std::string& module, const std::string& role, ValueId a, ValueId b);
  /// The features of each head are `parts` side by side (a fused [Q; K; V] is one such head): one
  /// value a part, forward/`module`/`roles[k]`; and back.
  std::vector<ValueId> split(const std::string& module, const std::vector<std::string>& roles,
                             ValueId x, const std::vector<std::int64_t>& parts);
  ValueId join(const std::string& module, const std::string& role,
               const std::vector<ValueId>& apart, const std::vector<std::int64_t>& parts);
  /// One head's features, again for each of `heads`: for those that a rank has of the linear layer
  /// `module`.
  ValueId repeat_heads(const std::string& module, const std::string& role, ValueId x,
                       std::int64_t heads);
  /// forward/`module`/selected and weights: the experts of each token, by the router's logits or
  /// scores.
  Route::Choice route(const std::string& module, ValueId logits, const RouteOptions& options);
  /// forward/`module`.experts.e/tokens of each expert e: the rows of x that chose it.
  std::vector<ValueId> dispatch(const std::string& module, ValueId x, const Route::Choice& choice,
                                std::int64_t experts, ExpertRows order);
  /// forward/`module`/`role`: of each token the experts' results, weighed.
  ValueId combine(const std::string& module, const std::string& role, const Route::Choice& choice,
                  const std::vector<ValueId>& rows, ExpertRows order);
  /// The loss: each token predicts the next one of `tokens()`.
  ValueId loss(ValueId logits);

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
  void record(const std::string& module, std::unique_ptr<Layer> layer,
              std::vector<Argument> arguments, const std::vector<ValueId>& outputs);
  std::string name_of_contribution(const Step& step, const Argument& argument) const;
  std::string name_of_gradient(ValueId value) const;
  void arrive(ValueId value, ValueId contribution);

  Builder& builder_;
  ParameterGradients gradients_;
  ValueId tokens_ = -1;
  std::vector<std::pair<AxisPlacement, ValueId>> slopes_;  // by their cut
  std::vector<Step> tape_;
  std::map<ValueId, Flow> flows_;
};

}  // namespace shardproof::real
