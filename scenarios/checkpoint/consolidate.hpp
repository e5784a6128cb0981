#pragma once

#include <string>

#include "scenarios/checkpoint/checkpoint.hpp"

namespace shardproof {

/// Writes the weights of a checkpoint as one safetensors file that transformers loads: each parameter
/// once, under its Hugging Face name, whole (put together from all ranks' shards), in the working
/// dtype; a tied head is its embedding, and not written again. Metadata {"format": "pt"}. Written
/// beside and renamed. Throws EnvironmentError if the file cannot be written.
void write_consolidated(const Checkpoint& checkpoint, const std::string& file);

}  // namespace shardproof
