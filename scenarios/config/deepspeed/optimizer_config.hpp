#pragma once

#include "scenarios/json/object_reader.hpp"
#include "scenarios/settings/deepspeed.hpp"

namespace shardproof {

/// Reads the section "optimizer" of a DeepSpeed config: its type and "params" (spec-autotp 7.5).
void read_optimizer(ObjectReader& top, DeepSpeedConfig& deepspeed);

/// The section from which read_optimizer gives the same.
JsonValue to_json(const OptimizerConfig& optimizer);

}  // namespace shardproof
