#pragma once

#include <string>
#include <vector>

#include "scenarios/config/trainer/trainer_arguments.hpp"

namespace shardproof {

/// Of the run that a config is for, what a trainer fills in.
struct TrainedRun {
  std::int64_t hidden_size = 0;
  std::int64_t steps = 0;  // optimizer steps of the whole training
  bool trains = true;
};

/// Whether a value of the config, at any depth, is "auto".
bool has_auto(const JsonValue& config);

/// Fills in a DeepSpeed config's "auto" values as Hugging Face's Trainer does (transformers 4.57.6,
/// integrations/deepspeed.py), and returns each as "optimizer.params.lr = 5e-05 (learning_rate)". A
/// number that stands in the config stands for the argument that would have filled it: Trainer asks
/// that both be the same. Where train_batch_size is "auto", it follows from the other two and from
/// the replicas, and so does the micro-batch where that alone is "auto".
///
/// "auto" elsewhere stays: of a key without effect it is no matter, of any other it is refused when
/// it is read. Throws ScenarioError where an argument that was given is not the config's number.
std::vector<std::string> fill_auto(JsonValue& config, TrainerArguments& arguments,
                                   const TrainedRun& run);

}  // namespace shardproof
