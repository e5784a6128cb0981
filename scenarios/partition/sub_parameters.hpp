#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

/// The `shape` and `partition_dim` of a layer spec: how a fused 2-D weight is seen before it is
/// cut. Each entry is the size of one logical dimension, -1 where it follows from the weight; the
/// last is the input features. At `dim`, the dimension that is cut, an entry means something else:
///
///   a list   the widths of the sub-parameters    [[8, 4, 4], -1], dim 0: Q, K and V of a GQA layer
///   N        N sub-parameters of equal width     [2, -1], dim 0: gate and up
///   -1       one sub-parameter
///
/// Source: DeepSpeed, module_inject/layers.py, _infer_subparam_logical_shapes.
struct SubParameterShape {
  struct Entry {
    std::int64_t size = -1;
    std::vector<std::int64_t> sub_sizes;  // of a list; then `size` means nothing
    bool is_list = false;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> entries;
  std::int64_t dim = 0;
  friend bool operator==(const SubParameterShape&, const SubParameterShape&) = default;
};

/// Throws ScenarioError at `place`, "name: ...", if no weight could have such a shape.
void check_shape(const SubParameterShape& shape, const std::string& name, const SourcePlace& place);

/// A shape that met its weight.
struct SubParameters {
  Shape logical;                    // -1 filled in
  std::vector<std::int64_t> sizes;  // of the sub-parameters along `dim`; one if the entry was -1
  std::int64_t dim = 0;

  /// The logical dimensions that the output features fold: all but the last.
  Shape output() const { return {logical.begin(), logical.end() - 1}; }
  /// Whether the input features are cut: then a bias stays whole.
  bool cuts_input() const { return dim + 1 == static_cast<std::int64_t>(logical.size()); }
  /// How often the sub-parameters follow each other along the cut dimension of the 2-D weight: once
  /// for each index of the output dimensions before `dim`.
  std::int64_t repeats() const;
  /// How many features of the 2-D weight one step along `dim` is: the product of the output
  /// dimensions after it.
  std::int64_t features_per_step() const;
};

/// The shape of a weight (out, in) of the layer `name`.
/// Throws ScenarioError at `place` if the shape does not fit the weight.
SubParameters resolve_sub_parameters(const Shape& weight, const SubParameterShape& shape,
                                     const std::string& name, const SourcePlace& place);

}  // namespace shardproof
