#include "scenarios/model/model_fields.hpp"

#include <variant>

namespace shardproof {

namespace {

using Member = std::variant<std::int64_t ModelDescription::*, double ModelDescription::*,
                            bool ModelDescription::*>;

struct Field {
  const char* name;
  Member member;
};

constexpr Field kFields[] = {
    {"hidden_size", &ModelDescription::hidden_size},
    {"intermediate_size", &ModelDescription::intermediate_size},
    {"num_hidden_layers", &ModelDescription::num_hidden_layers},
    {"num_attention_heads", &ModelDescription::num_attention_heads},
    {"num_key_value_heads", &ModelDescription::num_key_value_heads},
    {"head_dim", &ModelDescription::head_dim},
    {"vocab_size", &ModelDescription::vocab_size},
    {"max_position_embeddings", &ModelDescription::max_position_embeddings},
    {"initializer_range", &ModelDescription::initializer_range},
    {"tie_word_embeddings", &ModelDescription::tie_word_embeddings},
    {"rms_norm_eps", &ModelDescription::rms_norm_eps},
    {"rope_theta", &ModelDescription::rope_theta},
    {"attention_bias", &ModelDescription::attention_bias},
    {"mlp_bias", &ModelDescription::mlp_bias},
};

const Field* find_field(const std::string& name) {
  for (const Field& field : kFields)
    if (name == field.name) return &field;
  return nullptr;
}

template <typename Value>
void assign(Value& to, double value) {
  if constexpr (std::is_same_v<Value, bool>)
    to = value != 0;
  else
    to = static_cast<Value>(value);
}

}  // namespace

const std::vector<std::string>& field_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Field& field : kFields) all.emplace_back(field.name);
    return all;
  }();
  return names;
}

std::optional<double> find_value(const ModelDescription& model, const std::string& name) {
  if (const Field* field = find_field(name))
    return std::visit([&](auto member) { return static_cast<double>(model.*member); },
                      field->member);
  const auto found = model.numbers.find(name);
  return found == model.numbers.end() ? std::nullopt : std::optional(found->second);
}

void set_value(ModelDescription& model, const std::string& name, double value) {
  if (const Field* field = find_field(name))
    std::visit([&](auto member) { assign(model.*member, value); }, field->member);
  else
    model.numbers[name] = value;
}

}  // namespace shardproof
