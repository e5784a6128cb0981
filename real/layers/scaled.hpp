#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// A value times a number of the model's.
class Scaled : public Layer {
 public:
  Scaled(Site site, double factor) : Layer(std::move(site)), factor_(factor) {}
  /// -> forward/`module`/`role`, cut as x is.
  ValueId forward(const std::string& role, ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes factor() const { return {{"factor", factor_}}; }

  double factor_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
