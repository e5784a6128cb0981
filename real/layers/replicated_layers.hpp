#pragma once

#include "real/layers/builder.hpp"

namespace shardproof::real {

/// Layers that AutoTP leaves whole on every rank of a TP group: each rank computes the same thing
/// from the same input, and nothing is communicated (spec-autotp 7.7.5).

/// Token embedding: row lookup. weight (V, C).
class Embedding {
 public:
  Embedding(Builder& builder, const std::string& module);
  /// tokens (B, T) -> (B, T, C).
  ValueId forward(Builder& builder, ValueId tokens);
  void backward(Builder& builder, ValueId dy);

 private:
  std::string module_;
  ValueId tokens_ = -1;
};

/// y = x / sqrt(mean(x^2) + eps) * w over the features. Zhang & Sennrich 2019, arXiv:1910.07467,
/// eq. 4.
class RmsNorm {
 public:
  RmsNorm(Builder& builder, const std::string& module);
  /// (B, T, C) -> (B, T, C).
  ValueId forward(Builder& builder, ValueId x);
  /// Returns the gradient of x, named backward/`module`/grad_input unless another name is given.
  ValueId backward(Builder& builder, ValueId dy, const std::string& grad_input_name = "");

 private:
  std::string module_;
  ValueId x_ = -1;
};

/// The output projection onto the vocabulary. weight (V, C), no bias.
class LmHead {
 public:
  LmHead(Builder& builder, const std::string& module);
  /// (B, T, C) -> logits (B, T, V).
  ValueId forward(Builder& builder, ValueId x);
  ValueId backward(Builder& builder, ValueId dy, const std::string& grad_input_name);

 private:
  std::string module_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
