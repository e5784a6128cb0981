#pragma once

#include "real/models/decoder.hpp"

namespace shardproof::real {

/// Where DeepSeek's families differ in it.
struct LatentForm {
  RotaryPairing pairing = RotaryPairing::interleaved;
  double score_scale = 0;  // 0: as wide heads ask for
};

/// Attention whose keys and values come from a latent vector. Of each head `nope` features stay as
/// they are and `rope` are rotated; the rotated ones of the keys are the same for all heads.
ValueId latent_attention(Network& net, const Decoder& decoder, const std::string& module, ValueId x,
                         const LatentForm& form = {});

}  // namespace shardproof::real
