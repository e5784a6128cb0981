#pragma once

#include <string>

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/checkpoint.hpp"

namespace shardproof {

/// Reads "checkpoint": { "save_after": [1, 2], "resume_after": 1, "consolidated": true }; the
/// numbers count steps done, and must lie in the run: above `first_step`, not above `steps`. Throws
/// ScenarioError with the place of what is wrong.
CheckpointConfig checkpoint_from_json(const JsonValue& json, int first_step, int steps);
/// The object from which checkpoint_from_json gives the same.
JsonValue to_json(const CheckpointConfig& checkpoint);

/// How many steps the checkpoint in a folder says that its run has done. Throws ScenarioError at
/// `value`, which names the folder, if it is no checkpoint, or if that leaves no step of `steps`.
int steps_done_by(const JsonValue& value, const std::string& folder, int steps);

}  // namespace shardproof
