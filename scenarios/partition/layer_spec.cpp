#include "scenarios/partition/layer_spec.hpp"

#include <algorithm>

namespace shardproof {

const Pattern* LayerSpec::match(const std::string& parameter, const std::string& model_type) const {
  const bool other_model = !model_types.empty() && std::find(model_types.begin(), model_types.end(),
                                                             model_type) == model_types.end();
  if (other_model) return nullptr;
  for (const Pattern& pattern : patterns)
    if (pattern.matches(parameter)) return &pattern;
  return nullptr;
}

const char* name_of(LayerSpec::Type type) {
  switch (type) {
    case LayerSpec::Type::column: return "column";
    case LayerSpec::Type::row: return "row";
    case LayerSpec::Type::skip: return "skip";
  }
  SHARDPROOF_EXPECTS(false, static_cast<int>(type));
  return "";
}

std::string rule_of(const LayerSpec& spec, const Pattern& pattern) {
  return spec.name + ", " + pattern.text();
}

}  // namespace shardproof
