#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scenarios/data/safetensors.hpp"
#include "scenarios/settings/task.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

/// The initial weights of a scenario, any region of any parameter, anywhere.
///
/// Generated, with z normal and u uniform in [0, 1) of the generator of (seed, parameter name):
///   matrices, embeddings   initializer_range * z
///   norm weights           1 + 0.1 u                        not all alike, so that a swap is seen
///   biases, and what is not trained
///                          initializer_range * z            transformers starts them at 0: no
///                                                           defect shows
/// of a model with integer_weights, drawn by its below(n):
///   biases, embeddings     1 where below(8) is 0, -1 where it is 1, else 0
///   matrices (out, in)     the same of below(2 in): about one a row
///   the head's             of below(8 in): few bits are needed for what is added up
/// or from safetensors. Either way each value is then rounded once to the working dtype: the
/// declared cast, after which every rank and the reference start from the same bits. NaN is passed
/// through: expect_finite refuses it.
class Weights {
 public:
  /// Throws ScenarioError that names every parameter that is missing, extra or of another shape.
  explicit Weights(const Task& task);

  /// The region's elements, row-major. The region must lie in the parameter's shape.
  std::vector<double> read(const std::string& parameter, const Region& region) const;

  /// Reads all weights of a file once. Throws ScenarioError, with file, tensor and index, at the
  /// first that is a NaN or an infinity, or becomes one in the working dtype.
  void expect_finite() const;

 private:
  std::vector<double> generate(const ParameterDescription& parameter, const Region& region) const;
  void expect_finite(const ParameterDescription& parameter, const Region& region) const;

  ModelDescription model_;
  std::string path_;  // "generated", or the file or folder
  Dtype working_;
  std::uint64_t seed_;
  std::shared_ptr<const Safetensors> stored_;  // null: generated
};

}  // namespace shardproof
