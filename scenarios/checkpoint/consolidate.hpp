#pragma once

#include <string>

#include "scenarios/checkpoint/checkpoint.hpp"
#include "scenarios/checkpoint/written_bytes.hpp"
#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// Writes the weights of a checkpoint as one safetensors file that transformers loads: each
/// parameter once, under its Hugging Face name, whole (put together from all ranks' shards), in the
/// working dtype; a tied head is its embedding, and not written again. Metadata {"format": "pt"}.
/// Written beside and renamed. Throws EnvironmentError if the file cannot be written; nothing of it
/// is left then, nor where it is stopped, nor where `check` does not like it.
void write_consolidated(const Checkpoint& checkpoint, const std::string& file,
                        const WriteProgress& progress = {}, const CheckWritten& check = {});

/// The same as FOLDER/model.safetensors, and beside it config.json: what transformers reads as a
/// model. The folder has to be there.
void write_consolidated_model(const Checkpoint& checkpoint, const ModelDescription& model,
                              const std::string& folder);

}  // namespace shardproof
