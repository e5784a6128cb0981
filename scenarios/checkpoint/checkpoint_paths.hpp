#pragma once

#include <cstdio>
#include <string>

namespace shardproof {

/// Where an execution saves its checkpoints, in the folder of its traces:
/// "FOLDER/checkpoints/step-000002" after two steps.
inline std::string checkpoint_path(const std::string& folder, int steps_done) {
  char name[40];
  std::snprintf(name, sizeof name, "/checkpoints/step-%06d", steps_done);
  return folder + name;
}

/// Beside it, the weights alone: config.json and model.safetensors, as transformers reads them.
inline std::string consolidated_path(const std::string& folder, int steps_done) {
  return checkpoint_path(folder, steps_done) + "-consolidated";
}

}  // namespace shardproof
