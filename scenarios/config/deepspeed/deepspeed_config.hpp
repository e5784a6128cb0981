#pragma once

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/deepspeed.hpp"
#include "scenarios/settings/mode.hpp"

namespace shardproof {

/// A DeepSpeed config for a run on `world` ranks. Each key is of one of three kinds: it changes the
/// numbers and is implemented; it cannot change them and is accepted
/// (DeepSpeedConfig::without_effect); it would change them and is refused by name. An unknown key
/// is an error with a suggestion. Defaults are DeepSpeed's (spec: gradient_clipping 1.0,
/// reduce_bucket_size 5e8, ...).
///
/// Of the batch equation
///     train_batch_size = train_micro_batch_size_per_gpu * gradient_accumulation_steps * D,
/// D = world / autotp_size, any one of the first three may be absent. (DeepSpeed itself puts the
/// whole world for D as long as its groups do not exist, and so counts TP ranks as replicas.)
///
/// In inference a micro-batch is what a replica sees in a forward pass. Whatever else says how to
/// train (optimizer, ZeRO, clipping, accumulation, ...) may be absent, and is without effect where
/// it is there; but for stage 3 of ZeRO, which parts parameters in inference too, and is refused.
DeepSpeedConfig deepspeed_from_json(const JsonValue& config, int world, Mode mode = Mode::training);

/// The config, every default filled in, from which deepspeed_from_json gives the same.
JsonValue to_json(const DeepSpeedConfig& deepspeed, Mode mode = Mode::training);

}  // namespace shardproof
