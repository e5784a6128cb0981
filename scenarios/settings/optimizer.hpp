#pragma once

namespace shardproof {

/// The optimizer as the DeepSpeed config gives it: the fp64 values of the decimals in the file.
/// AdamW decays weights beside the gradient, Adam and SGD decay them into it.
struct OptimizerConfig {
  enum class Kind { adamw, adam, sgd };
  Kind kind = Kind::adamw;
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double momentum = 0;    // of SGD
  bool nesterov = false;  // of SGD
};

}  // namespace shardproof
