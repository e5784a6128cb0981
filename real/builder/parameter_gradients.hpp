#pragma once

#include <functional>
#include <map>
#include <string>

#include "real/builder/builder.hpp"

namespace shardproof::real {

/// From what layers find to whole gradients, once per micro-step:
///
///   used once          gradient/P, written by its layer
///   used several times backward/<layer>/grad_<leaf> from each, added in the order of backward;
///                      the last sum is gradient/P (a tied embedding)
///   grad_allreduce     backward/<layer>/grad_<leaf>_partial, all-reduced over tp to gradient/P: a
///                      replicated parameter that is applied to sharded activations
///                      (spec-autotp 3.7)
class ParameterGradients {
 public:
  /// Told each parameter's complete gradient: what becomes of it is a matter of the optimizer.
  using Take = std::function<void(const std::string& parameter, ValueId gradient)>;
  ParameterGradients(Builder& builder, Take take) : builder_(builder), take_(std::move(take)) {}

  /// Announces, in the forward pass, that a layer uses a parameter and will give it a gradient.
  ValueId use(const std::string& parameter);
  /// The tensor for the gradient that layer `module` finds, to be written by the caller.
  ValueId tensor(const std::string& module, const std::string& parameter);
  /// It is written. The last one completes the gradient.
  void add(const std::string& module, const std::string& parameter, ValueId contribution);

 private:
  struct Uses {
    int announced = 0;
    int arrived = 0;
    ValueId sum = -1;
  };
  bool summed_over_tp(const std::string& parameter) const;
  /// Like the parameter, but still to be summed over the replicas.
  ValueId gradient_like(const std::string& parameter, const std::string& name);

  Builder& builder_;
  Take take_;
  std::map<std::string, Uses> uses_;
};

}  // namespace shardproof::real
