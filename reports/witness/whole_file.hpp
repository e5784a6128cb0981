#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "reports/witness/whole_tensor.hpp"

namespace shardproof::reports {

/// The judge's own reading of a safetensors file, tensor by tensor, each as a whole:
/// [u64 length of the header, little endian][JSON header][data]. It shares no line with
/// scenarios/data/safetensors, by which the engine reads regions: what that read from a wrong place
/// would be wrong in the run and in a check that asked it again. ScenarioError if the file is not
/// what its header says.
class WholeFile {
 public:
  explicit WholeFile(const std::string& path);

  struct Row {
    Dtype dtype = Dtype::fp32;
    Shape shape;
    std::int64_t begin = 0, end = 0;  // bytes of the file
  };
  const std::string& path() const { return path_; }
  const std::map<std::string, Row>& rows() const { return rows_; }
  WholeTensor tensor(const std::string& name) const;
  /// Of "__metadata__"; "" if it does not say.
  std::string metadata(const std::string& key) const;

 private:
  std::string path_;
  std::map<std::string, Row> rows_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace shardproof::reports
