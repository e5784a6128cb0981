#pragma once

#include <map>
#include <string>

#include "real/layers/builder.hpp"

namespace shardproof::real {

/// From what layers find to the accumulators, once per micro-step:
///
///   used once          gradient/P, written by its layer
///   used several times backward/<layer>/grad_<leaf> from each, added in the order of backward;
///                      the last sum is gradient/P (a tied embedding)
///   grad_allreduce     backward/<layer>/grad_<leaf>_partial, all-reduced over tp to gradient/P: a
///                      replicated parameter that is applied to sharded activations (spec-autotp 3.7)
class ParameterGradients {
 public:
  explicit ParameterGradients(Builder& builder) : builder_(builder) {}

  /// Announces, in the forward pass, that a layer uses a parameter and will give it a gradient.
  ValueId use(const std::string& parameter);
  /// The tensor for the gradient that layer `module` finds, to be written by the caller.
  ValueId tensor(const std::string& module, const std::string& parameter);
  /// It is written. The last one completes the gradient, which enters the accumulator.
  void add(const std::string& module, const std::string& parameter, ValueId contribution);

 private:
  struct Uses {
    int announced = 0;
    int arrived = 0;
    ValueId sum = -1;
  };
  bool summed_over_tp(const std::string& parameter) const;
  ValueId like_accumulator(const std::string& parameter, const std::string& name);
  void accumulate(const std::string& parameter, ValueId gradient);

  Builder& builder_;
  std::map<std::string, Uses> uses_;
};

}  // namespace shardproof::real
