#pragma once

#include <string>

#include "scenarios/checkpoint/checkpoint.hpp"

namespace shardproof {

/// Throws ScenarioError if what a tool makes of a checkpoint cannot go to `out` without a loss: it
/// lies in the checkpoint, or the checkpoint in it; it is there already and is not to be replaced
/// (`force`); it is no regular file or folder; or the disk has not as many bytes free as the
/// checkpoint's weights (and all of its state, for a checkpoint again) take.
void expect_output_place(const Checkpoint& checkpoint, const std::string& out, bool force,
                         bool whole_state);

}  // namespace shardproof
