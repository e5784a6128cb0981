#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/checkpoint/checkpoint.hpp"
#include "scenarios/checkpoint/held_state.hpp"
#include "scenarios/checkpoint/write_checkpoint.hpp"
#include "scenarios/checkpoint/written_bytes.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What a checkpoint of a scenario's run says of the run, but how far it was.
CheckpointOrigin origin_of(const Scenario& scenario);

/// The state of one rank: the host memory of each value that is carried from step to step.
using StateBytes = std::function<std::span<const std::byte>(ValueId)>;
using StateMemory = std::function<std::span<std::byte>(ValueId)>;

/// What the rank writes into a checkpoint. The parts show into the state, which has to stay.
std::vector<PartToSave> parts_to_save(const Program& program, Rank rank, const StateBytes& state);

/// Throws ScenarioError if the checkpoint is of another model, has not every tensor of the
/// program's state in its dtype and shape, or has another.
void expect_state_of(const Checkpoint& checkpoint, const ModelDescription& model,
                     const Program& program);

/// Fills the rank's state from a checkpoint of any grid; what is padding is zero afterwards. Throws
/// ScenarioError if the tensors are not those of the program's state.
void load_state(const Checkpoint& checkpoint, const Program& program, Rank rank,
                const StateMemory& state);

/// Writes a checkpoint of the same state for another program of the same model. The scenario is
/// that of the new one; how far the run was, and what it counts, is taken over. Where it cannot be
/// written, or is stopped, or `check` does not like it, nothing of it is left.
void repartition(const Checkpoint& from, const Program& to, CheckpointOrigin origin,
                 const std::string& path, const WriteProgress& progress = {},
                 const CheckWritten& check = {});

}  // namespace shardproof
