#pragma once

#include "real/layers/layer.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::real {

/// x Phi(x), in one of its published forms. Hendrycks & Gimpel 2016, arXiv:1606.08415.
class Gelu : public Layer {
 public:
  Gelu(Site site, GeluForm form) : Layer(std::move(site)), form_(form) {}
  /// (B, T, F) -> forward/`module`/activation, cut as x is.
  ValueId forward(ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes form() const { return {{"form", std::string(name_of(form_))}}; }

  GeluForm form_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
