#pragma once

#include <map>
#include <string>
#include <vector>

#include "reports/witness/whole_file.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof::reports {

/// The judge's own reading of a checkpoint: its manifest, and the ranks' files by WholeFile. Each
/// tensor is put together from all parts that the manifest tells of, where these say they belong.
/// Of scenarios/checkpoint it shares no line, so that what is read there from the wrong rank, place
/// or row does not excuse itself. ScenarioError if a file is not there, or not as the manifest
/// says.
class SavedCheckpoint {
 public:
  explicit SavedCheckpoint(const std::string& folder);

  struct Part {
    int rank = 0;
    std::vector<Region> regions;
  };
  struct Tensor {
    Dtype dtype = Dtype::fp32;
    Shape shape;
    std::vector<Part> parts;
  };

  const std::string& path() const { return path_; }
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  /// What a rank's file holds of a tensor: all of it.
  std::vector<std::byte> bytes(const std::string& name, const Part& part) const;
  /// Put together. ScenarioError if an element is missing, or if two ranks hold it with other bits.
  WholeTensor tensor(const std::string& name) const;

  int steps_done() const { return steps_done_; }
  const std::map<std::string, double>& counters() const { return counters_; }
  /// How many updates the run had made.
  int updates() const;
  /// Any other member of the manifest: "scenario", "tp", "model_hash", ...
  const JsonValue& told(const std::string& key) const;

 private:
  void add_part(int rank, const JsonValue& row);

  std::string path_;
  JsonValue manifest_;
  int steps_done_ = 0;
  std::map<std::string, double> counters_;
  std::vector<WholeFile> files_;  // by rank
  std::map<std::string, Tensor> tensors_;
};

}  // namespace shardproof::reports
