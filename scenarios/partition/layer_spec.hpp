#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/partition/pattern.hpp"
#include "scenarios/partition/sub_parameters.hpp"

namespace shardproof {

/// One rule of AutoTP's partitioning: which weights, and what becomes of their layers.
struct LayerSpec {
  enum class Type { column, row, skip };
  std::vector<Pattern> patterns;  // of "<module>.weight"; one match suffices
  Type type = Type::column;
  std::optional<SubParameterShape> shape;  // of a fused weight; absent: cut as one
  std::vector<std::string> model_types;    // in lower case; empty: of every model
  bool gather_output = false;              // of a column
  bool grad_allreduce = false;             // of a skip: the gradient is summed over tp
  std::string name;                        // "layer_specs[2]", "preset llama", "tp_plan"
  SourcePlace place;

  /// The pattern by which a parameter of such a model matches, or nullptr.
  const Pattern* match(const std::string& parameter, const std::string& model_type) const;
};
const char* name_of(LayerSpec::Type type);

/// "layer_specs[2], .*\.mlp\.down_proj\.weight$".
std::string rule_of(const LayerSpec& spec, const Pattern& pattern);

}  // namespace shardproof
