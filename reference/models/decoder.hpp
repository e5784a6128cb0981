#pragma once

#include <functional>
#include <string>

#include "reference/models/graph.hpp"

namespace shardproof::reference {

/// What Llama and its descendants have in common: pre-normed blocks of grouped-query attention with
/// rotary positions, and of a gated MLP. A family says what its attention and its MLP are made of:
///
///     Decoder decoder(net, model);
///     return decoder.logits(
///         [&](const std::string& layer, Value x) {
///           const std::string attention = layer + ".self_attn";
///           return decoder.attend(attention, decoder.separate_projections(attention, x));
///         },
///         [&](const std::string& layer, Value x) { return decoder.gated_mlp(layer + ".mlp", x);
///         });
class Decoder {
 public:
  /// One half of a block: the layer's path and its normed input -> what is added to the residual.
  using Half = std::function<Value(const std::string& layer, Value x)>;
  struct Projections {
    Value q, k, v;
  };

  Decoder(Graph& net, const ModelDescription& model);

  /// From the tokens to the logits.
  Value logits(const Half& attention, const Half& mlp);

  const Rotary& rotary_tables() const { return tables_; }
  Value norm(const std::string& module, Value x);
  /// q_proj, k_proj, v_proj.
  Projections separate_projections(const std::string& module, Value x);
  /// The same, and each head of q and k normed: q_norm, k_norm.
  Projections normed_projections(const std::string& module, Value x);
  /// qkv_proj, whose rows are Q, then K, then V.
  Projections fused_projections(const std::string& module, Value x);
  /// Turns q and k, attends over the model's sliding window (over all if it has none), and applies
  /// o_proj.
  Value attend(const std::string& module, const Projections& of);
  /// gate_proj, up_proj, down_proj.
  Value gated_mlp(const std::string& module, Value x);
  /// gate_up_proj, whose rows are gate, then up; down_proj.
  Value fused_gated_mlp(const std::string& module, Value x);

 private:
  Graph& net_;
  const ModelDescription& model_;
  Rotary tables_;
};

}  // namespace shardproof::reference
