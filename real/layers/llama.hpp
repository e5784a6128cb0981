#pragma once

#include <vector>

#include "real/layers/attention.hpp"
#include "real/layers/builder.hpp"
#include "real/layers/replicated_layers.hpp"
#include "real/layers/swiglu_mlp.hpp"

namespace shardproof::real {

/// One decoder layer: x + attention(norm(x)), then that + mlp(norm(that)).
class LlamaBlock {
 public:
  LlamaBlock(Builder& builder, const std::string& module);
  ValueId forward(Builder& builder, ValueId x, RotaryTable table);
  /// dy: gradient of this layer's output. Returns the gradient of its input, recorded as
  /// `grad_input_name`.
  ValueId backward(Builder& builder, ValueId dy, const std::string& grad_input_name);

 private:
  std::string module_;
  RmsNorm input_norm_;
  Attention attention_;
  RmsNorm post_norm_;
  SwigluMlp mlp_;
};

/// The whole model with its loss. Construction declares the parameters, in the order of the Hugging
/// Face state dict; `lower_micro_step` appends one forward and backward pass.
class Llama {
 public:
  explicit Llama(Builder& builder);
  void lower_micro_step(Builder& builder, RotaryTable table);

 private:
  Embedding embedding_;
  std::vector<LlamaBlock> blocks_;
  RmsNorm norm_;
  LmHead lm_head_;
};

}  // namespace shardproof::real
