#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/checkpoint/manifest.hpp"
#include "scenarios/checkpoint/written_bytes.hpp"

namespace shardproof {

/// A part of a tensor as it lies in memory: its regions one after another, in as many stretches of
/// memory as they lie in.
struct PartToSave {
  std::string name;
  Dtype dtype = Dtype::fp32;
  Shape shape;
  std::vector<Region> regions;
  std::vector<std::span<const std::byte>> stretches;
};

/// How a checkpoint is written, by several processes or by one:
///
///     one       begin_checkpoint(path);
///     - all know of it -
///     each      write_rank_file(path, rank, parts);
///     - all have written -
///     one       finish_checkpoint(path, origin);
///
/// Until the last call is done, PATH is the earlier checkpoint, or none (FolderReplacement); what
/// is under way is in PATH.part. All throw EnvironmentError if the file system refuses.

/// Throws ScenarioError if PATH is something else than a checkpoint.
void begin_checkpoint(const std::string& path);
/// Writes a rank's data file, readable by the safetensors library: a part of one region has its
/// extent as shape, another is a vector. Beside it lies the rank's row of the manifest.
/// `progress` is told of bytes as they are written.
void write_rank_file(const std::string& path, int rank, const std::vector<PartToSave>& parts,
                     const std::function<void(std::size_t)>& progress = {});
/// Joins the rows of all ranks of the origin's grid to the manifest, and puts the checkpoint in
/// place, if `check` likes it.
void finish_checkpoint(const std::string& path, const CheckpointOrigin& origin,
                       const CheckWritten& check = {});
/// Takes away what was begun instead.
void drop_checkpoint(const std::string& path);

}  // namespace shardproof
