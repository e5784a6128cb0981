#pragma once

#include "real/layers/layer.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::real {

/// The rotation tables of a run: cos and sin, (T, r/2) each, alike on every rank.
struct RotaryTable {
  ValueId cos = -1;
  ValueId sin = -1;
};
/// Appends the op that computes them, for `width` (r) elements of a head. Names end in `suffix`.
RotaryTable lower_rotary_table(Builder& builder, std::int64_t width,
                               const RotaryFrequencies& frequencies, const std::string& suffix);

/// Rotates the queries or the keys by their positions, head by head: the first r elements of each.
/// Su et al. 2021, arXiv:2104.09864, eq. 34.
class Rotary : public Layer {
 public:
  /// `what`: "query" or "key".
  Rotary(Site site, std::string what, RotaryTable table, const RotaryForm& form)
      : Layer(std::move(site)), what_(std::move(what)), table_(table), form_(form) {}
  /// (B, T, heads * hd) -> the same, cut as x is.
  ValueId forward(ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes form() const;

  std::string what_;
  RotaryTable table_;
  RotaryForm form_;
};

}  // namespace shardproof::real
