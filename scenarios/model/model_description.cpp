#include "scenarios/model/model_description.hpp"

#include <xxhash.h>

#include <charconv>
#include <cstdio>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

void append(std::string& text, const char* name, std::int64_t value) {
  text += std::string(name) + "=" + std::to_string(value) + ";";
}

void append(std::string& text, const char* name, double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  text += std::string(name) + "=" + std::string(buffer, end.ptr) + ";";
}

}  // namespace

const ParameterDescription& ModelDescription::parameter(const std::string& name) const {
  for (const ParameterDescription& parameter : parameters)
    if (parameter.name == name) return parameter;
  SHARDPROOF_EXPECTS(false, "the model has no parameter", name);
  return parameters.front();
}

std::string hash_of(const ModelDescription& model) {
  std::string text = model.family + ";";
  append(text, "hidden_size", model.hidden_size);
  append(text, "intermediate_size", model.intermediate_size);
  append(text, "num_hidden_layers", model.num_hidden_layers);
  append(text, "num_attention_heads", model.num_attention_heads);
  append(text, "num_key_value_heads", model.num_key_value_heads);
  append(text, "head_dim", model.head_dim);
  append(text, "vocab_size", model.vocab_size);
  append(text, "max_position_embeddings", model.max_position_embeddings);
  append(text, "rms_norm_eps", model.rms_norm_eps);
  append(text, "rope_theta", model.rope_theta);
  append(text, "initializer_range", model.initializer_range);
  append(text, "attention_bias", std::int64_t{model.attention_bias});
  append(text, "mlp_bias", std::int64_t{model.mlp_bias});
  append(text, "tie_word_embeddings", std::int64_t{model.tie_word_embeddings});
  for (const ParameterDescription& parameter : model.parameters)
    text += parameter.name + to_string(parameter.shape) + ";";
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char digest[33];
  std::snprintf(digest, sizeof digest, "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return digest;
}

}  // namespace shardproof
