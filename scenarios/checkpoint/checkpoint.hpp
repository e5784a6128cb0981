#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "scenarios/checkpoint/manifest.hpp"
#include "scenarios/checkpoint/mapped_file.hpp"
#include "scenarios/checkpoint/tensor_sources.hpp"

namespace shardproof {

/// A checkpoint on the disk, whatever grid it was written by: any region of any of its tensors.
///
/// Opened strictly. Refused with the file, and the tensor where it is one (ScenarioError): a
/// manifest or a header that is not as it was written; a file that is missing, cut short or too
/// long; a tensor that is not shaped alike everywhere, of which an element is missing, or which two
/// ranks hold with different bits. The bytes of a part are held against their hash when they are
/// first read: a change of any byte of a checkpoint is found, at the latest by check_all().
class Checkpoint {
 public:
  explicit Checkpoint(const std::string& path);

  const std::string& path() const { return path_; }
  const CheckpointOrigin& origin() const { return manifest_.origin; }

  struct Tensor {
    Dtype dtype = Dtype::fp32;
    TensorSources sources;  // the holders are indices of `stored`
    struct Stored {
      int rank;
      std::size_t number;  // of the part in the rank's file
    };
    std::vector<Stored> stored;

    const Shape& shape() const { return sources.shape(); }
  };
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  /// Throws ScenarioError if there is no such tensor, or if it is of another dtype or shape.
  void expect(const std::string& name, Dtype dtype, const Shape& shape) const;

  /// The stored bytes of the regions, one after another.
  std::vector<std::byte> read(const std::string& name, std::span<const Region> regions) const;
  /// What each rank's file holds of a tensor.
  struct Part {
    int rank;
    const std::vector<Region>& regions;
    std::span<const std::byte> bytes;
  };
  std::vector<Part> parts(const std::string& name) const;
  /// Reads every byte.
  void check_all() const;

 private:
  struct OpenFile {
    std::string path;
    MappedFile mapped;
    std::vector<std::size_t> offsets;     // of the parts
    mutable std::vector<bool> unchanged;  // whether a part has been held against its hash
  };

  OpenFile open_file(int rank) const;
  void collect_tensors();
  void expect_equal_repeats() const;
  const Tensor& tensor(const std::string& name) const;
  const SavedPart& row(const Tensor::Stored& part) const;
  std::span<const std::byte> bytes_of(const Tensor::Stored& part) const;

  std::string path_;
  Manifest manifest_;
  std::vector<OpenFile> files_;  // by rank
  std::map<std::string, Tensor> tensors_;
};

}  // namespace shardproof
