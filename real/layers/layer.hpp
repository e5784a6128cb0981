#pragma once

#include <string>
#include <vector>

#include "real/builder/builder.hpp"
#include "real/builder/parameter_gradients.hpp"

namespace shardproof::real {

/// Where a layer stands: what it appends to, and the module path that its ops and tensors carry.
struct Site {
  Builder& builder;
  ParameterGradients& gradients;
  std::string module;
};

/// One use of a layer in a forward pass. Its `forward` (each class has its own signature) appends
/// ops and remembers what the way back needs; `backward` appends that. A layer knows nothing of its
/// neighbours: the network tells it how its gradients are called.
class Layer {
 public:
  explicit Layer(Site site) : site_(std::move(site)) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  /// dy: the gradient of each output (-1 of one that nothing depends on). Returns what each input
  /// is given back, recorded as names[i]; -1 where names[i] is empty: nobody asks for that
  /// gradient.
  virtual std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                        const std::vector<std::string>& names) = 0;

 protected:
  Builder& builder() { return site_.builder; }
  ParameterGradients& gradients() { return site_.gradients; }
  const std::string& module() const { return site_.module; }
  const Value& value(ValueId id) const { return site_.builder.value(id); }

  /// forward/`module`/`role`: (B, T, features), `tp` says how the features are cut.
  ValueId output(const std::string& role, std::int64_t features, AxisPlacement tp) {
    return builder().activation("forward/" + module() + "/" + role, features, std::move(tp));
  }
  /// The same with the rows of `x`.
  ValueId output(const std::string& role, ValueId x, std::int64_t features, AxisPlacement tp) {
    return builder().features_of(x, "forward/" + module() + "/" + role, features, std::move(tp));
  }
  /// A tensor like another one: the gradient of a value is cut as the value is.
  ValueId like(ValueId other, const std::string& name) { return builder().like(other, name); }

  /// An op named after its kind, and after `what` it works on if one name is not enough.
  Op& forward_op(OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
                 Attributes attributes = {}, const std::string& what = "") {
    return append(Phase::forward, kind, std::move(inputs), std::move(outputs),
                  std::move(attributes), what);
  }
  Op& backward_op(OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
                  Attributes attributes = {}, const std::string& what = "") {
    return append(Phase::backward, kind, std::move(inputs), std::move(outputs),
                  std::move(attributes), what);
  }

 private:
  Op& append(Phase phase, OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
             Attributes attributes, const std::string& what) {
    return builder().append(kind, module(), phase, name_of(kind) + (what.empty() ? "" : "_" + what),
                            std::move(inputs), std::move(outputs), std::move(attributes));
  }

  Site site_;
};

}  // namespace shardproof::real
