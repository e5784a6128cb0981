#pragma once

#include "scenarios/json/object_reader.hpp"
#include "scenarios/settings/deepspeed.hpp"

namespace shardproof {

/// Reads the section tensor_parallel of a DeepSpeed config into `deepspeed`: tensor_parallel,
/// tp_overlap_comm and what of partition_rules does not come from the scenario.
void read_tensor_parallel(ObjectReader& top, DeepSpeedConfig& deepspeed);

/// The section, from which read_tensor_parallel gives the same.
JsonValue tensor_parallel_to_json(const ParallelConfig& parallel);

}  // namespace shardproof
