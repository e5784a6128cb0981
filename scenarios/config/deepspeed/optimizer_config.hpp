#pragma once

#include <string>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/settings/deepspeed.hpp"

namespace shardproof {

/// Reads the section "optimizer" of a DeepSpeed config: its type and "params" (spec-autotp 7.5).
void read_optimizer(ObjectReader& top, DeepSpeedConfig& deepspeed);

/// Whose rounding is replayed, where a run of the config elsewhere may round otherwise: a sentence
/// without its full stop for `plan` and the verdict. Empty for DeepSpeed's own form.
std::string rounding_of_update(const OptimizerConfig& optimizer);

/// The section from which read_optimizer gives the same.
JsonValue to_json(const OptimizerConfig& optimizer);

}  // namespace shardproof
