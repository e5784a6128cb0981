#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

/// Of which run a checkpoint is, and how far that run was.
struct CheckpointOrigin {
  JsonValue scenario;  // the effective one, as write_scenario writes it
  std::string scenario_hash, model_hash;
  int tp = 1, dp = 1, zero_stage = 0;
  int steps_done = 0;
  /// What the run counts and is no tensor: "updates", ...; finite numbers.
  std::map<std::string, double> counters;
};

/// A part of a tensor in a rank's file.
struct SavedPart {
  std::string name;  // "optimizer/model.norm.weight/exp_avg"
  Dtype dtype = Dtype::fp32;
  Shape shape;                  // of the full tensor
  std::vector<Region> regions;  // what is stored here, one after another
  std::uint64_t hash = 0;       // XXH3-64 of the stored bytes
};

/// One rank's file: its parts, in the order in which they lie there.
struct RankFile {
  std::uint64_t header_hash = 0;  // XXH3-64 of what lies before the parts
  std::vector<SavedPart> parts;
};

/// What manifest.json says: everything about a checkpoint but the elements themselves.
///
///   { "format": "shardproof-checkpoint-1",
///     "model_hash": "...", "scenario_hash": "...", "tp": 2, "dp": 1, "zero_stage": 1,
///     "steps_done": 3, "counters": {"updates": 3},
///     "files": [{"file": "rank-00000.safetensors", "header_xxh3": "...", "tensors": [
///       {"name": "parameter/model.norm.weight", "dtype": "bf16", "shape": [64],
///        "regions": [[[0], [64]]], "xxh3": "..."}, ...]}, ...],
///     "scenario": {...},
///     "checksum": "..." }
///
/// A region is [offset, extent]. `checksum` is the XXH3-64 of the text without that member, and the
/// text is exactly what manifest_text writes: no byte of it can change unseen.
struct Manifest {
  CheckpointOrigin origin;
  std::vector<RankFile> files;  // by rank
};

inline constexpr const char* kManifestFile = "manifest.json";
/// "rank-00003.safetensors".
std::string rank_file_name(int rank);
/// How a part is shaped in its file: one region as it is, several as a vector.
Shape stored_shape(const std::vector<Region>& regions);

std::string manifest_text(const Manifest& manifest);
/// Throws ScenarioError, with the file and where there is one the tensor, if the text is not that
/// of a whole manifest.
Manifest manifest_from(const std::string& text, const std::string& file);

/// One row of "files", by itself.
std::string rank_file_text(const RankFile& file, int rank);
RankFile rank_file_from(const std::string& text, const std::string& file, int rank);

}  // namespace shardproof
