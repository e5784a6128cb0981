#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// 1 / (1 + exp(-x)): a router's scores, each of an expert by itself. DeepSeek-AI 2024,
/// arXiv:2412.19437, section 2.1.2.
class Sigmoid : public Layer {
 public:
  explicit Sigmoid(Site site) : Layer(std::move(site)) {}
  /// -> forward/`module`/`role`, cut as x is.
  ValueId forward(const std::string& role, ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId x_ = -1;
};

}  // namespace shardproof::real
