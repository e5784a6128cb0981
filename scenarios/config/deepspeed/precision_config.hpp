#pragma once

#include "scenarios/json/object_reader.hpp"
#include "scenarios/settings/deepspeed.hpp"
#include "scenarios/settings/mode.hpp"

namespace shardproof {

/// Reads in what dtype a run of a DeepSpeed config computes: the sections "bf16", also written
/// "bfloat16", and "fp16", of which one at most is enabled, and how fp16 scales its loss
/// (spec-autotp 7.5, 7.10).
void read_dtype(ObjectReader& top, Mode mode, DeepSpeedConfig& deepspeed);

/// The section "fp16" of a run whose working dtype that is.
JsonValue fp16_to_json(const TrainingConfig& training, Mode mode);

/// Reads in what dtype gradients are summed and sent: "communication_data_type" and
/// "data_types.grad_accum_dtype" (spec-autotp 7.5, 7.11). After read_dtype and the stage of ZeRO.
/// Sums in another dtype than the model's are fp32, and as in DeepSpeed of stages 1 and 2 alone.
void read_wire_dtypes(ObjectReader& top, DeepSpeedConfig& deepspeed);

/// Writes the two, where they were given.
void write_wire_dtypes(const DeepSpeedConfig& deepspeed, JsonValue& config);

}  // namespace shardproof
