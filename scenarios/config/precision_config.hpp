#pragma once

#include "scenarios/config/object_reader.hpp"
#include "scenarios/config/scenario.hpp"

namespace shardproof {

/// Reads in what dtype a run of a DeepSpeed config computes: the section "bf16", also written
/// "bfloat16" (spec-autotp 7.5).
void read_dtype(ObjectReader& top, Mode mode, TrainingConfig& training);

/// Reads in what dtype gradients are summed and sent: "communication_data_type" and
/// "data_types.grad_accum_dtype". After read_dtype.
void read_wire_dtypes(ObjectReader& top, const TrainingConfig& training);

}  // namespace shardproof
