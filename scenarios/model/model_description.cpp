#include "scenarios/model/model_description.hpp"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "scenarios/errors.hpp"
#include "scenarios/model/model_fields.hpp"

namespace shardproof {

namespace {

void append(std::string& text, const std::string& name, double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  text += name + "=" + std::string(buffer, end.ptr) + ";";
}

const ParameterDescription* find(const std::vector<ParameterDescription>& list,
                                 const std::string& name) {
  const auto found = std::ranges::find(list, name, &ParameterDescription::name);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

const char* name_of(ModuleClass module_class) {
  switch (module_class) {
    case ModuleClass::linear: return "linear";
    case ModuleClass::conv1d: return "conv1d";
    case ModuleClass::embedding: return "embedding";
    case ModuleClass::layer_norm: return "layer_norm";
    case ModuleClass::rms_norm: return "rms_norm";
  }
  SHARDPROOF_EXPECTS(false, static_cast<int>(module_class));
  return "";
}

double ModelDescription::number(const std::string& name) const {
  const auto found = numbers.find(name);
  SHARDPROOF_EXPECTS(found != numbers.end(), family, "has no hyper-parameter", name);
  return found->second;
}

std::int64_t ModelDescription::count(const std::string& name) const {
  const double value = number(name);
  SHARDPROOF_EXPECTS(value == std::floor(value), name, value);
  return static_cast<std::int64_t>(value);
}

bool ModelDescription::flag(const std::string& name) const {
  const double value = number(name);
  SHARDPROOF_EXPECTS(value == 0 || value == 1, name, value);
  return value == 1;
}

std::optional<std::int64_t> ModelDescription::padding_row() const {
  if (!has_number("pad_token_id")) return std::nullopt;
  return count("pad_token_id");
}

bool ModelDescription::has_parameter(const std::string& name) const {
  return find(parameters, name) != nullptr;
}

const ParameterDescription& ModelDescription::parameter(const std::string& name) const {
  const ParameterDescription* found = find(parameters, name);
  SHARDPROOF_EXPECTS(found != nullptr, "the model has no parameter", name);
  return *found;
}

const ParameterDescription& ModelDescription::stored(const std::string& name) const {
  const ParameterDescription* found = find(untrained, name);
  return found ? *found : parameter(name);
}

std::vector<ParameterDescription> ModelDescription::stored() const {
  std::vector<ParameterDescription> all = parameters;
  all.insert(all.end(), untrained.begin(), untrained.end());
  return all;
}

std::string hash_of(const ModelDescription& model) {
  std::string text = model.family + ";";
  for (const std::string& name : field_names()) append(text, name, *find_value(model, name));
  for (const auto& [name, value] : model.numbers) append(text, name, value);
  for (const ParameterDescription& parameter : model.stored())
    text += parameter.name + to_string(parameter.shape) + name_of(parameter.module_class) + ";";
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char digest[33];
  std::snprintf(digest, sizeof digest, "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return digest;
}

}  // namespace shardproof
