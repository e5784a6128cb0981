#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/shape.hpp"

namespace shardproof {

/// One parameter as a checkpoint knows it: Hugging Face name, full shape (weights are (out, in)).
struct ParameterDescription {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  Shape shape;
  friend bool operator==(const ParameterDescription&, const ParameterDescription&) = default;
};

/// Names, shapes and hyper-parameters of a model. No formula, and nothing about which output feeds
/// which input: that is written twice, once in reference/ and once in real/.
struct ModelDescription {
  std::string family;            // "llama"
  std::int64_t hidden_size = 0;  // C
  std::int64_t intermediate_size = 0;
  std::int64_t num_hidden_layers = 0;    // L
  std::int64_t num_attention_heads = 0;  // H
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t vocab_size = 0;  // V
  std::int64_t max_position_embeddings = 0;
  double rms_norm_eps = 0;
  double rope_theta = 0;
  double initializer_range = 0;
  bool attention_bias = false;  // q, k, v and o projections
  bool mlp_bias = false;        // gate, up and down projections
  bool tie_word_embeddings = false;
  /// In the order of the Hugging Face state dict; a tied lm_head.weight is absent.
  std::vector<ParameterDescription> parameters;

  /// Throws InvariantError if there is none of that name.
  const ParameterDescription& parameter(const std::string& name) const;
};

/// Hex digest of everything above. Two traces are comparable if theirs are equal.
std::string hash_of(const ModelDescription& model);

}  // namespace shardproof
