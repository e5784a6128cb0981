#include "scenarios/model/rotary_keys.hpp"

namespace shardproof {

RotaryFrequencies rotary_frequencies(const ModelDescription& model) {
  RotaryFrequencies how{.theta = model.rope_theta};
  if (!model.has_number("rope_scaling.factor")) return how;
  how.scaling = RotaryScaling::linear;
  how.factor = model.number("rope_scaling.factor");
  if (!model.has_number("rope_scaling.low_freq_factor")) return how;
  how.scaling = RotaryScaling::llama3;
  how.low = model.number("rope_scaling.low_freq_factor");
  how.high = model.number("rope_scaling.high_freq_factor");
  how.original_positions = model.number("rope_scaling.original_max_position_embeddings");
  return how;
}

std::int64_t turned_width(const ModelDescription& model) {
  return static_cast<std::int64_t>(static_cast<double>(model.head_dim) *
                                   model.number("rotary_pct"));
}

}  // namespace shardproof
