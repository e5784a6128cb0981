#pragma once

#include <string>
#include <unordered_set>

#include "scenarios/hdf5/handle.hpp"

namespace shardproof::hdf5 {

/// The groups of a file that is being written. Neighbours are written one after another, so the
/// last group stays open: finding "/step/000000/micro/0/forward/model.norm" anew costs as much as a
/// dataset.
class GroupCache {
 public:
  /// The file must outlive the cache's use, and is closed after close().
  explicit GroupCache(const Handle& file) : file_(&file) {}
  /// The group "/a/b/c"; it and those above it are created at first use.
  const Handle& enter(const std::string& path);
  void close() { open_ = {}; }

 private:
  const Handle* file_;
  std::unordered_set<std::string> created_;
  std::string open_path_;
  Handle open_;
};

}  // namespace shardproof::hdf5
