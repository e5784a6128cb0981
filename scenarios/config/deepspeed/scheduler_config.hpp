#pragma once

#include <string>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/settings/deepspeed.hpp"

namespace shardproof {

/// Reads the section "scheduler" of a DeepSpeed config, after the optimizer: without a maximum of
/// its own WarmupLR rises to the optimizer's learning rate, WarmupDecayLR to 0.001.
void read_scheduler(ObjectReader& top, DeepSpeedConfig& deepspeed);

/// The section from which read_scheduler gives the same. Not for a constant rate, which has none,
/// nor for transformers' schedules, which DeepSpeed's configs cannot name.
JsonValue to_json(const SchedulerConfig& scheduler);

/// A schedule of transformers as a scenario writes it, whose section is named `path` in messages:
///   { "type": "linear", "warmup_steps": 10, "total_steps": 100 }
/// or "cosine" (get_linear_schedule_with_warmup, get_cosine_schedule_with_warmup: half a wave), or
/// { "type": "constant" }. Without "warmup_steps" there are none.
SchedulerConfig trainers_schedule_from_json(const JsonValue& section, const std::string& path);
/// The section from which that gives the same.
JsonValue trainers_schedule_to_json(const SchedulerConfig& scheduler);

}  // namespace shardproof
