#pragma once

#include <string>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/settings/deepspeed.hpp"

namespace shardproof {

/// Reads the section "scheduler" of a DeepSpeed config, after the optimizer: without a maximum of
/// its own WarmupLR rises to the optimizer's learning rate, WarmupDecayLR to 0.001.
void read_scheduler(ObjectReader& top, DeepSpeedConfig& deepspeed);

/// The section from which read_scheduler gives the same; null for a rate that DeepSpeed has no
/// section for.
JsonValue to_json(const SchedulerConfig& scheduler);

}  // namespace shardproof
