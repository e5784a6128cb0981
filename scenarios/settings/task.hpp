#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/model/model_description.hpp"
#include "scenarios/settings/data.hpp"
#include "scenarios/settings/mode.hpp"
#include "scenarios/settings/parameter_group.hpp"
#include "scenarios/settings/training.hpp"

namespace shardproof {

/// What is to be computed, however it is divided among ranks: all that the oracle may see of a
/// scenario. It names no rank, no shard and no collective.
struct Task {
  std::string name;
  std::string file;  // where it was read; "" if made from the command line
  ModelDescription model;
  std::string weights;  // "generated", or a safetensors file, an index, or a folder
  Mode mode = Mode::training;
  TrainingConfig training;
  int replicas = 1;  // D: how many micro-batches a step's mean is taken over, beside accumulation
  int steps = 1;  // of the whole training, those before a checkpoint that it goes on from included
  std::string resume;  // the checkpoint that the run goes on from; "": it begins
  int first_step = 0;  // the steps that this checkpoint's run has done
  std::uint64_t seed = 0;
  DataConfig data;
  std::vector<ParameterGroup> parameter_groups;
  bool overflow_expected = false;  // "overflow": "expected": skipped steps are no failure

  bool trains() const { return mode == Mode::training; }
};

}  // namespace shardproof
