#pragma once

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// The optimizer as the DeepSpeed config gives it: the fp64 values of the decimals in the file.
/// AdamW decays weights beside the gradient, Adam and SGD decay them into it.
struct OptimizerConfig {
  enum class Kind { adamw, adam, sgd };
  /// Whose arithmetic Adam and AdamW follow, which is one function rounded in two ways: DeepSpeed's
  /// FusedAdam, or torch's own optimizers ("torch_adam"), one tensor at a time on the CPU.
  enum class Form { fused, torch };
  Kind kind = Kind::adamw;
  Form form = Form::fused;  // of Adam and AdamW
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double momentum = 0;    // of SGD
  bool nesterov = false;  // of SGD

  /// Of what type the scalars are that an update takes: torch computes its coefficients from fp64
  /// numbers, and rounds them once.
  bool takes_fp64_scalars() const { return kind != Kind::sgd && form == Form::torch; }
};

template <>
struct Names<OptimizerConfig::Form> {
  static constexpr std::array all{"fused", "torch"};
};

}  // namespace shardproof
