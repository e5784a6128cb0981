#pragma once

#include "reference/models/decoder.hpp"

namespace shardproof::reference {

/// How heads are turned and scores scaled (0: by the root of their width).
struct LatentForm {
  RotaryPairing pairing = RotaryPairing::interleaved;
  double scale = 0;
};

/// DeepSeek-AI 2024, arXiv:2405.04434, section 2.1: keys and values come from a latent vector;
/// every head has features that positions turn beside others that they do not; the keys' turned
/// features are one vector for all heads.
Value latent_attention(Graph& net, const ModelDescription& model, const Rotary& tables,
                       const std::string& module, Value x, const LatentForm& form = {});

}  // namespace shardproof::reference
