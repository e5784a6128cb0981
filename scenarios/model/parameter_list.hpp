#pragma once

#include <string>
#include <vector>

#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// The parameters of a model, written down module by module in the order of its state dict.
class ParameterList {
 public:
  /// .weight (out, in), and .bias (out) if it has one.
  void linear(const std::string& module, std::int64_t out, std::int64_t in, bool bias = false);
  /// transformers' Conv1D: .weight (in, out), .bias (out).
  void conv1d(const std::string& module, std::int64_t in, std::int64_t out);
  /// .weight (rows, width).
  void embedding(const std::string& module, std::int64_t rows, std::int64_t width);
  /// .weight (width), .bias (width).
  void layer_norm(const std::string& module, std::int64_t width);
  /// .weight (width).
  void rms_norm(const std::string& module, std::int64_t width);

  std::vector<ParameterDescription> take() { return std::move(list_); }

 private:
  std::vector<ParameterDescription> list_;
};

}  // namespace shardproof
