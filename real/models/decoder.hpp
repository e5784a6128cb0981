#pragma once

#include <functional>
#include <string>

#include "real/models/network.hpp"

namespace shardproof::real {

/// What Llama and its descendants have in common: pre-normed blocks of grouped-query attention with
/// rotary positions, and of a gated MLP. A family hands it the two halves of its block:
///
///     Decoder decoder(net);
///     return decoder.logits(
///         tokens,
///         [&](const std::string& layer, ValueId x) {
///           const std::string attention = layer + ".self_attn";
///           return decoder.attend(attention, decoder.separate_projections(attention, x));
///         },
///         [&](const std::string& layer, ValueId x) {
///           return decoder.gated_mlp(layer + ".mlp", x);
///         });
class Decoder {
 public:
  /// The layer's path and its normed input -> what is added to the residual.
  using Half = std::function<ValueId(const std::string& layer, ValueId x)>;
  struct Projections {
    ValueId q, k, v;
  };

  explicit Decoder(Network& net);

  RotaryTable rotary_table() const { return table_; }
  ValueId logits(ValueId tokens, const Half& attention, const Half& mlp);

  /// q_proj, k_proj, v_proj.
  Projections separate_projections(const std::string& module, ValueId x);
  /// The same, and each head of q and k normed: q_norm, k_norm.
  Projections normed_projections(const std::string& module, ValueId x);
  /// qkv_proj: all of Q, then K, then V.
  Projections fused_projections(const std::string& module, ValueId x);
  /// Rotary positions, attention over the model's sliding window (over all if it has none), o_proj.
  ValueId attend(const std::string& module, const Projections& of);
  /// gate_proj, up_proj, down_proj.
  ValueId gated_mlp(const std::string& module, ValueId x);
  /// gate_up_proj: gate, then up; down_proj.
  ValueId fused_gated_mlp(const std::string& module, ValueId x);

 private:
  Network& net_;
  RotaryTable table_;
};

}  // namespace shardproof::real
