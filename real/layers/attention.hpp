#pragma once

#include "real/layers/layer.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::real {

/// The slopes of ALiBi, one for each head of the queries q, cut as q's heads are. Appends the op
/// that computes them. Press et al. 2022, arXiv:2108.12409.
ValueId lower_alibi_slopes(Builder& builder, const std::string& name, ValueId q,
                           std::int64_t head_dim);

/// Causal grouped-query attention. Each rank attends with the heads that it holds: the cut of q, k
/// and v goes between heads, and nothing is communicated.
/// Ainslie et al. 2023, arXiv:2305.13245.
class Attention : public Layer {
 public:
  /// `slopes`: of ALiBi, or -1.
  Attention(Site site, const AttentionForm& form, ValueId slopes)
      : Layer(std::move(site)), form_(form), slopes_(slopes) {}
  /// q (B, T, h * hd), k (B, T, hk * hd), v (B, T, hk * vd) -> (B, T, h * vd), cut as q is. Also
  /// records forward/`module`/lse (B, h, T), the log-sum-exp of the scores. Throws ScenarioError if
  /// the cut goes through a head.
  ValueId forward(ValueId q, ValueId k, ValueId v);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes form() const;
  std::vector<ValueId> with_slopes(std::vector<ValueId> inputs) const;

  AttentionForm form_;
  ValueId slopes_;
  ValueId q_ = -1, k_ = -1, v_ = -1, out_ = -1, lse_ = -1;
};

}  // namespace shardproof::real
