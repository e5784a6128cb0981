#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

/// Where one tensor lies in a safetensors file.
struct StoredTensor {
  Dtype dtype = Dtype::fp32;
  Shape shape;
  std::string file;
  std::int64_t offset = 0;  // of its first byte in the file
};

/// A set of tensors in safetensors files: [u64 length of header][JSON header][data], little endian.
///
/// Opened strictly. Refused with file and tensor (ScenarioError): a header that is longer than the
/// file or 100 MB, or no JSON; a name twice; a dtype other than F64, F32, F16 and BF16; a negative
/// or overflowing shape; offsets that are not shape x size, overlap, leave a gap, or end elsewhere
/// than the file; an index whose files do not hold what it says. Source:
/// https://github.com/huggingface/safetensors, README "Format".
class Safetensors {
 public:
  /// `path`: a .safetensors file, a model.safetensors.index.json, or a folder with either.
  explicit Safetensors(const std::string& path);

  const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }
  /// The raw elements of a region, row-major, as they lie in the file.
  std::vector<std::byte> read_bytes(const std::string& name, const Region& region) const;
  /// The same, decoded.
  std::vector<double> read(const std::string& name, const Region& region) const;

 private:
  std::map<std::string, StoredTensor> tensors_;
};

/// A tensor as a file's header names it.
struct TensorRow {
  std::string name;
  Dtype dtype = Dtype::fp32;
  Shape shape;
};

/// What a file of these tensors, one after another in this order, begins with: the length and the
/// JSON, padded with spaces to 8 bytes. `metadata` becomes "__metadata__" unless it is empty.
std::string safetensors_header(const std::vector<TensorRow>& tensors,
                               const std::map<std::string, std::string>& metadata = {});

/// A tensor to be written.
struct TensorToStore {
  std::string name;
  Dtype dtype = Dtype::fp32;
  Shape shape;
  std::vector<std::byte> bytes;
};

/// Writes one file, tensors in the given order. Throws EnvironmentError if it cannot be written.
void write_safetensors(const std::string& path, const std::vector<TensorToStore>& tensors);

}  // namespace shardproof
