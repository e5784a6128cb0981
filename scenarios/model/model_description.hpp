#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/shape.hpp"

namespace shardproof {

/// What the module is that owns a parameter. Weights are (out, in), those of a conv1d (in, out),
/// those of an embedding (rows, width), those of a norm (width).
enum class ModuleClass { linear, conv1d, embedding, layer_norm, rms_norm };
const char* name_of(ModuleClass module_class);

/// One parameter as a checkpoint knows it: Hugging Face name and full shape.
struct ParameterDescription {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  Shape shape;
  ModuleClass module_class = ModuleClass::linear;
  friend bool operator==(const ParameterDescription&, const ParameterDescription&) = default;
};

/// Names, shapes and hyper-parameters of a model. No formula, and nothing about which output feeds
/// which input: that is written twice, once in reference/ and once in real/.
struct ModelDescription {
  std::string family;  // "llama"
  // Every family has these; where its config.json calls one otherwise, the family's table says so.
  std::int64_t hidden_size = 0;  // C
  std::int64_t intermediate_size = 0;
  std::int64_t num_hidden_layers = 0;    // L
  std::int64_t num_attention_heads = 0;  // H
  std::int64_t num_key_value_heads = 0;  // also what AutoTP aligns uneven widths to
  std::int64_t head_dim = 0;
  std::int64_t vocab_size = 0;  // V
  std::int64_t max_position_embeddings = 0;
  double initializer_range = 0;
  bool tie_word_embeddings = false;
  // 0 in a family without them.
  double rms_norm_eps = 0;
  double rope_theta = 0;
  bool attention_bias = false;  // q, k, v and o projections
  bool mlp_bias = false;        // gate, up and down projections
  /// What else the family has, by its Hugging Face name: "layer_norm_epsilon", "kv_lora_rank", ...;
  /// flags are 0 or 1, and a count that may be null is 0 then ("q_lora_rank", "sliding_window").
  /// Scaled rotary embeddings have "rope_scaling.factor", alone it is "linear"; "llama3" also has
  /// "rope_scaling.low_freq_factor", "yarn" "rope_scaling.beta_fast", "longrope"
  /// "rope_scaling.short_factor.0" and so on, one for each pair (model/rotary_keys.cpp). Where
  /// layers are of two types, "slides.0" and so on is 1 of those that look back over a window.
  /// "pad_token_id" is here only if its row is held (see padding_row).
  std::map<std::string, double> numbers;
  /// In the order of the Hugging Face state dict; a tied lm_head.weight is absent.
  std::vector<ParameterDescription> parameters;
  /// What the state dict holds beside them: read, saved, and the same on every rank, but without a
  /// gradient, and no optimizer has it. torch calls such a tensor a buffer.
  std::vector<ParameterDescription> untrained;

  bool has_number(const std::string& name) const { return numbers.contains(name); }
  /// One of `numbers`. Throws InvariantError if there is none of that name; the second and third
  /// also if it is no whole number, or neither 0 nor 1.
  double number(const std::string& name) const;
  std::int64_t count(const std::string& name) const;
  bool flag(const std::string& name) const;

  /// The row of the token embedding that no gradient reaches through the lookup, as torch's
  /// nn.Embedding(padding_idx) has it. None in most models.
  std::optional<std::int64_t> padding_row() const;

  /// Whether there is a parameter of that name: a module has a bias if there is its ".bias".
  bool has_parameter(const std::string& name) const;
  /// Throws InvariantError if there is none of that name.
  const ParameterDescription& parameter(const std::string& name) const;
  /// All that a state dict holds: the parameters, then what is not trained.
  std::vector<ParameterDescription> stored() const;
  /// One of them. Throws InvariantError if there is none of that name.
  const ParameterDescription& stored(const std::string& name) const;
};

/// Hex digest of everything above. Two traces are comparable if theirs are equal.
std::string hash_of(const ModelDescription& model);

}  // namespace shardproof
